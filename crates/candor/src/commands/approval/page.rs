//! A package as one page: no script, nothing loaded, every text redacted and escaped.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{approvals::shown, commands::audit::html as escaped};

/// The lists that have a status: title, field, and the field of an item's id.
pub(super) const LISTS: [(&str, &str, &str); 4] = [
    ("PACKET", "approval_packet_templates", "packet_id"),
    ("READBACK PLAN", "canonical_readback_plans", "plan_id"),
    ("DRILL LANE", "rollback_drill_lanes", "lane_id"),
    ("TELEGRAM GATE", "telegram_failure_receipt_gates", "gate_id"),
];

/// The items of a list.
pub(super) fn items<'a>(package: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    package.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// Why an item stands as it does.
pub(super) fn why(package: &Value, list: &str, item: &Value, id: &str) -> Vec<String> {
    let name = item.get(id).and_then(Value::as_str).unwrap_or_default();
    let reasons = package.pointer("/approval_package_truth/reasons").and_then(|all| all.get(format!("{list}/{name}")));
    let texts = reasons.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    texts.map(shown::text).collect()
}

fn said(text: &str) -> String {
    escaped(&shown::text(text))
}

/// The page.
pub(super) fn html(digest: &str, package: &Value) -> String {
    let at = |pointer: &str| said(package.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Approval package</title>\n<style>\n{}</style>\n</head>\n<body>\n<header><h1>Approval package</h1><p class=\"mono small\">{}</p>\n\
         <p>{}</p><p class=\"soft small\">Built at {}. {}</p></header>\n",
        include_str!("../audit/show/page.css"),
        said(digest),
        at("/program_status/status_note"),
        at("/generated_at"),
        at("/prior_readback_readiness/readiness_note"),
    );
    for (title, list, id) in LISTS {
        section(package, (title, list, id), &mut out);
    }
    out.push_str("<h2>What you do</h2>\n<div class=\"card\"><ul>\n");
    for item in items(package, "operator_actions") {
        let text = |field: &str| said(item.get(field).and_then(Value::as_str).unwrap_or_default());
        let _ = writeln!(out, "<li><b>{}</b>: {}</li>", text("display_name"), text("operator_instruction"));
    }
    let _ = writeln!(
        out,
        "</ul></div>\n<h2>What is never displayed</h2>\n<p class=\"soft\">{}</p>\n</body>\n</html>",
        at("/display_redaction_contract/frontend_display_policy")
    );
    out
}

fn section(package: &Value, (title, list, id): (&str, &str, &str), out: &mut String) {
    let title =
        title.chars().next().into_iter().chain(title.chars().skip(1).flat_map(char::to_lowercase)).collect::<String>();
    let _ = write!(
        out,
        "<h2>{title}s</h2>\n<div class=\"scroll\"><table>\n<tr><th>id</th><th>what</th><th>status</th><th>owner</th><th>why</th><th>more</th></tr>\n"
    );
    for item in items(package, list) {
        let text = |field: &str| said(item.get(field).and_then(Value::as_str).unwrap_or_default());
        let tone = match item.get("status").and_then(Value::as_str) {
            Some("blocked_by_policy") => "bad",
            Some("approval_required") => "open",
            _ => "good",
        };
        let reasons: String =
            why(package, list, item, id).iter().map(|reason| format!("<p>{}</p>", escaped(reason))).collect();
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td><span class=\"badge {tone}\">{}</span></td><td>{}</td><td>{reasons}</td><td>{}</td></tr>",
            text(id),
            text("display_name"),
            text("status").replace('_', " "),
            text("owner_agent"),
            more(item, id),
        );
    }
    out.push_str("</table></div>\n");
}

/// The fields of an item that have no column.
fn more(item: &Value, id: &str) -> String {
    let shown_elsewhere = ["display_name", "status", "owner_agent", id];
    let Some(fields) = item.as_object() else { return String::new() };
    let rest = fields.iter().filter(|(name, _)| !shown_elsewhere.contains(&name.as_str()));
    let text = |value: &Value| match value {
        Value::String(text) => said(text),
        Value::Array(all) => said(&all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        other => said(&other.to_string()),
    };
    rest.map(|(name, value)| {
        format!("<p class=\"small\"><span class=\"soft\">{}</span> {}</p>", said(&name.replace('_', " ")), text(value))
    })
    .collect()
}
