//! What a bundle tells people, by the real binary, whatever stands in it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    audit::{export, key},
    common::Home,
};

const HOSTILE: &str = "</td></table><script>alert(1)</script><img src=x onerror=alert(2)> \"'&amp; \u{202e}gnp.exe\u{202c} \u{1b}c \
                       javascript:alert(3) <style>*{display:none}</style><!-- ]]> käse 🧀";

/// Everything that can be told, with hostile texts wherever an agent can put one.
fn lived() -> Home {
    let home = Home::new("");
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    home.ends(0, &["task", "checkpoint", "nightly", "--agent", "a", "--status", "running", "--note", HOSTILE]);
    home.ends(0, &["notify", "look <i>here</i>", "--text", HOSTILE, "--task", "nightly", "--agent", "a"]);
    let long = "y".repeat(5_000);
    home.ends(0, &["notify", "long", "--text", &long, "--task", "nightly", "--agent", "a"]);
    home.ends(6, &["task", "complete", "nightly", "--agent", "a", "--summary", HOSTILE]);
    home
}

fn page(home: &Home, bundle: &str, key: &str) -> String {
    let out = home.folder.path().join("page.html");
    let out = out.to_str().unwrap();
    Home::new("").ends(0, &["audit", "show", bundle, "--key", key, "--html", out, "--force"]);
    std::fs::read_to_string(out).unwrap()
}

/// The tags of a page with their attributes, and whether all of it besides is text.
fn tags(page: &str) -> BTreeSet<(String, String)> {
    let tag = regex::Regex::new(r#"<(/?[a-z0-9!-]+)((?:\s+[a-zA-Z0-9-]+(?:="[^"<>]*")?)*)\s*/?>"#).unwrap();
    let attribute = regex::Regex::new(r#"([a-zA-Z0-9-]+)(?:="[^"<>]*")?"#).unwrap();
    let rest = tag.replace_all(page, "");
    assert!(!rest.contains('<'), "something that is no tag: {}", &rest[rest.find('<').unwrap()..][..80]);
    let mut all = BTreeSet::new();
    for found in tag.captures_iter(page) {
        let name = found[1].trim_start_matches('/').to_owned();
        all.insert((name.clone(), String::new()));
        all.extend(attribute.captures_iter(&found[2]).map(|one| (name.clone(), one[1].to_owned())));
    }
    all
}

#[test]
fn a_page_runs_and_loads_nothing_whatever_the_records_say() {
    let home = lived();
    let key = key(&home);
    let page = page(&home, &export(&home, "b.tar", &["--task", "nightly"]), &key);
    let found = tags(&page);
    let names: BTreeSet<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let known = [
        "!doctype", "a", "body", "circle", "code", "dd", "div", "dl", "dt", "h1", "h2", "h3", "head", "header", "html",
        "li", "line", "meta", "p", "rect", "section", "span", "style", "svg", "table", "td", "text", "th", "title",
        "tr", "ul",
    ];
    assert_eq!(names.difference(&BTreeSet::from(known)).collect::<Vec<_>>(), Vec::<&&str>::new());
    for (name, attribute) in &found {
        assert!(
            !attribute.starts_with("on") && !["src", "srcset", "style", "action", "data"].contains(&attribute.as_str()),
            "{name} {attribute}"
        );
        assert!(attribute != "href" || name == "a");
    }
    assert_eq!(page.matches("href=\"").count(), page.matches("href=\"#").count(), "every link leads into the page");
    assert_eq!(
        (page.matches("<style").count(), page.matches("url(").count(), page.matches("@import").count()),
        (1, 0, 0)
    );
    assert!(page.contains("default-src 'none'"));
    for acting in ['\u{202e}', '\u{202c}', '\u{1b}'] {
        assert!(!page.contains(acting), "U+{:04X}", u32::from(acting));
    }
    for shown in ["&lt;script&gt;alert(1)", "[U+202E]gnp.exe", "käse 🧀", "and 4000 more characters"] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(page.len() < 200_000, "{}", page.len());
}

#[test]
fn a_page_tells_what_there_is_and_what_is_not() {
    let home = lived();
    let key = key(&home);
    let bundle = export(&home, "b.tar.zst", &["--task", "nightly", "--redact", "/event/data/note"]);
    let page = page(&home, &bundle, &key);
    for told in [
        ">intact<",
        ">replays<",
        "What it doesn\u{2019}t prove",
        "nothing but the word",
        "block completion",
        "queued",
        "forced checkpoint",
        "/event/data/note",
        "\u{2588}\u{2588}\u{2588} (taken out)",
        "<svg",
        "<circle",
        "completion-integrity/completion_unproven",
    ] {
        assert!(page.contains(told), "{told}");
    }
    let words = Home::new("").ends(0, &["audit", "show", &bundle, "--key", &key]);
    for told in ["intact", "what it doesn't prove", "d-1", "task.completed by", "come out as recorded", "dry-run"] {
        assert!(words.contains(told), "{told}: {words}");
    }
    assert!(!words.contains('\u{1b}') && !words.contains('\u{202e}'));
    let told = Home::new("").json(&["audit", "show", &bundle, "--key", &key]);
    assert_eq!((&told["intact"], &told["more"]), (&json!(true), &json!(0)));
    assert_eq!(told["records"].as_array().unwrap().len() as u64, told["verdict"]["artifacts"].as_u64().unwrap());
}

#[test]
fn a_page_is_made_of_an_intact_bundle_only_and_never_over_a_file() {
    let home = lived();
    let key = key(&home);
    let bundle = export(&home, "b.tar", &["--task", "nightly"]);
    let out = home.folder.path().join("page.html");
    let show = ["audit", "show", &bundle, "--key", &key, "--html", out.to_str().unwrap()];
    home.ends(0, &show);
    assert!(home.ends(2, &show).contains("--force"));
    std::fs::remove_file(&out).unwrap();
    let mut bytes = std::fs::read(&bundle).unwrap();
    let at = bytes.len() - 5_000;
    bytes[at] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    assert!(home.ends(1, &show).starts_with("not intact"));
    assert!(!out.exists());
}
