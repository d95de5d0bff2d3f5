//! Raw effects: each function that has one stands on docs/effects.md, with the gate whose permit it takes or the reason why it has none.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Finding, Tree};

/// Where users and reviewers read them.
const PAGE: &str = "docs/effects.md";
/// Where effects may be. Everything else is pure, or is run by developers only.
const ROOMS: [&str; 3] = ["crates/world/src/", "crates/store/src/", "crates/candor/src/"];
/// Where the gates are named, as types.
const KINDS: &str = "crates/approval/src/kinds.rs";
/// The gate of a function that is shared by effects of several gates: it takes the permit of whichever effect it is called for.
const ANY: &str = "any";
/// What stands in place of a gate where there is none.
const NONE: &str = "none";

/// What gives an effect away, and its word on the page.
const SIGNS: [(&str, &[&str]); 5] = [
    ("process", &["Command::new(", "kill_process(", "kill_process_group("]),
    (
        "network",
        &[
            "TcpStream::connect",
            "UnixStream::connect",
            "UdpSocket::bind",
            "Client::builder()",
            "Client::new()",
            "client.request(",
            "client.get(",
            "client.post(",
            "object_store::parse_url",
        ],
    ),
    ("secret", &[".load()"]),
    (
        "delete",
        &[
            "fs::remove_file(",
            "fs::remove_dir(",
            "fs::remove_dir_all(",
            "unlinkat(",
            "secure_delete",
            "LogEntry::prune",
        ],
    ),
    (
        "write",
        &[
            "fs::write(",
            "fs::rename(",
            "fs::copy(",
            "fs::hard_link(",
            "fs::set_permissions(",
            "File::create",
            "OpenOptions::new()",
            "symlink(",
            "renameat_with(",
            ".set_len(",
        ],
    ),
];

/// A function with effects.
#[derive(Debug, Default)]
struct Site {
    /// The line of its first effect, from 1.
    line: usize,
    effects: BTreeSet<&'static str>,
    /// From `fn` to the opening brace: of each function of this name in the file that has effects, by its line.
    signatures: BTreeMap<usize, String>,
}

impl Site {
    /// Whether every function of this name takes that.
    fn all_take(&self, words: &[&str]) -> bool {
        self.signatures.values().all(|signature| words.iter().all(|word| signature.contains(word)))
    }

    /// Whether one of them takes a permit.
    fn takes_some(&self) -> bool {
        self.signatures.values().any(|signature| signature.contains("Permit<"))
    }
}

/// `file` and function.
type Place = (String, String);

/// Each raw effect is listed, each listed one is there, and one with a gate takes its permit.
pub(super) fn listed(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(PAGE) else { return vec![Finding::file(PAGE, "is missing")] };
    let (sites, rows) = (sites(tree), rows(page));
    let gates = gates(tree.text(KINDS).unwrap_or_default());
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for row in &rows {
        let mut wrong = |what: String| found.push(Finding::line(PAGE, row.line, what));
        if !seen.insert(&row.place) {
            wrong(format!("`{}` of {} stands twice", row.place.1, row.place.0));
        }
        match sites.get(&row.place) {
            None => wrong(format!("`{}` of {} has no effect (any more)", row.place.1, row.place.0)),
            Some(site) => row.judge(site, &gates).into_iter().for_each(wrong),
        }
    }
    for ((file, function), site) in &sites {
        if !seen.contains(&(file.clone(), function.clone())) {
            let effects = site.effects.iter().copied().collect::<Vec<_>>().join(", ");
            let what = format!("`{function}` has an effect ({effects}) that {PAGE} doesn't list");
            found.push(Finding::line(file, site.line, what));
        }
    }
    found
}

/// A row of the page: file, function, effects, gate, why.
struct Row {
    line: usize,
    place: Place,
    effects: BTreeSet<String>,
    gate: String,
    why: String,
}

impl Row {
    fn judge(&self, site: &Site, gates: &BTreeMap<String, String>) -> Vec<String> {
        let mut wrong = Vec::new();
        let (file, function) = &self.place;
        let is: BTreeSet<String> = site.effects.iter().map(|effect| (*effect).to_owned()).collect();
        if is != self.effects {
            let is = is.into_iter().collect::<Vec<_>>().join(", ");
            wrong.push(format!("the effects of `{function}` of {file} are: {is}"));
        }
        let permitted = match self.gate.as_str() {
            NONE if site.takes_some() => {
                wrong.push(format!("`{function}` takes a permit: name its gate"));
                return wrong;
            }
            NONE if self.why.is_empty() => {
                wrong.push(format!("say why `{function}` passes no gate"));
                return wrong;
            }
            NONE => return wrong,
            ANY => site.all_take(&["LiveGate", "Permit<"]),
            gate => match gates.get(gate) {
                Some(kind) => site.all_take(&[&format!("Permit<{kind}>")]),
                None => {
                    wrong.push(format!("`{gate}` is no gate; write one, or `{ANY}` or `{NONE}`"));
                    return wrong;
                }
            },
        };
        if !permitted {
            wrong.push(format!("`{function}` of {file} takes no permit of `{}`", self.gate));
        }
        wrong
    }
}

/// The page's rows. The file stands in the heading above a table.
fn rows(page: &str) -> Vec<Row> {
    let (mut file, mut rows) = (String::new(), Vec::new());
    for (at, line) in page.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("### ") {
            file = heading.trim().trim_matches('`').to_owned();
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [function, effects, gate, why] = cells.as_slice() else { continue };
        let Some(function) = function.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else { continue };
        rows.push(Row {
            line: at + 1,
            place: (file.clone(), function.to_owned()),
            effects: effects.split(',').map(|effect| effect.trim().to_owned()).collect(),
            gate: gate.trim_matches('`').to_owned(),
            why: (*why).to_owned(),
        });
    }
    rows
}

/// Every gate's name, with its type's.
fn gates(kinds: &str) -> BTreeMap<String, String> {
    let listed = kinds.lines().skip_while(|line| !line.starts_with("live! {")).skip(1).take_while(|line| *line != "}");
    listed.map(str::trim).map(|kind| (snake_case(kind), kind.to_owned())).collect()
}

fn snake_case(kind: &str) -> String {
    let mut name = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn sites(tree: &Tree) -> BTreeMap<Place, Site> {
    let mut sites: BTreeMap<Place, Site> = BTreeMap::new();
    for (name, text) in tree.ending(".rs").filter(|(name, _)| ROOMS.iter().any(|room| name.starts_with(room))) {
        if name.ends_with("/tests.rs") {
            continue;
        }
        let lines: Vec<&str> = shipped(text);
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (effect, signs) in SIGNS {
                if !signs.iter().any(|sign| stands_in(code, sign)) {
                    continue;
                }
                let (function, begins, signature) = around(&lines, at);
                let site = sites.entry((name.to_owned(), function)).or_default();
                if site.effects.is_empty() {
                    site.line = at + 1;
                }
                site.signatures.insert(begins, signature);
                site.effects.insert(effect);
            }
        }
    }
    sites
}

/// Whether a sign stands in a line by itself, not as the end of another word.
fn stands_in(code: &str, sign: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(sign)
        .any(|(at, _)| !sign.starts_with(word) || !code.get(..at).is_some_and(|b| b.ends_with(word)))
}

/// A file's lines up to its tests.
fn shipped(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.iter().enumerate().position(|(at, line)| {
        let marked = line.starts_with("#[cfg(") && line.contains("test");
        let next = lines.iter().skip(at + 1).find(|line| !line.starts_with("#["));
        marked && next.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    });
    lines.into_iter().take(tests.unwrap_or(usize::MAX)).collect()
}

/// The function that a line stands in, the line on which it begins, and its signature.
fn around(lines: &[&str], at: usize) -> (String, usize, String) {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = lines.get(at).map_or(0, |line| indent(line));
    let begins = |line: &str| {
        let (_, after) = line.split_once("fn ").filter(|(before, _)| is_qualifier(before))?;
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!name.is_empty() && indent(line) < own).then_some(name)
    };
    let above = lines.iter().enumerate().take(at + 1).rev().find_map(|(place, line)| Some((place, begins(line)?)));
    let Some((place, name)) = above else { return ("(no function)".to_owned(), 0, String::new()) };
    let mut signature = String::new();
    for line in lines.iter().skip(place) {
        signature.push_str(line.trim());
        signature.push(' ');
        if line.trim_end().ends_with('{') {
            break;
        }
    }
    (name, place, signature)
}

/// Whether only visibility and the like stands before `fn`.
fn is_qualifier(before: &str) -> bool {
    before
        .split_whitespace()
        .all(|word| word.starts_with("pub") || ["const", "async"].contains(&word) || word.ends_with(')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS_TEXT: &str = "macro_rules! live {}\n\nlive! {\n    SecretRead\n    BotApiCall\n}\n";
    const CODE: &str = "impl Sender {\n    pub(super) async fn call<G: LiveGate>(\n        &self,\n        _permit: Permit<G>,\n    ) -> Wire {\n        client.request(url)\n    }\n\n    fn look(permit: Permit<BotApiCall>) {\n        // fs::write( in words\n        let run = || Command::new(program);\n    }\n}\n\n#[cfg(test)]\n#[expect(clippy::unwrap_used, reason = \"tests\")]\nmod tests {\n    fn t() {\n        fs::write(path, \"x\");\n    }\n}\n";

    fn findings(code: &str, rows: &str) -> Vec<String> {
        let page = format!(
            "# E\n\n### `crates/world/src/a.rs`\n\n| function | effect | gate | why |\n| --- | --- | --- | --- |\n{rows}\n"
        );
        let files = [("crates/world/src/a.rs", code), (PAGE, page.as_str()), (KINDS, KINDS_TEXT)];
        listed(&Tree::of(&files)).into_iter().map(|finding| finding.to_string()).collect()
    }

    const CALL: &str = "| `call` | network | `any` | |";
    const LOOK: &str = "| `look` | process | `bot_api_call` | |";

    #[test]
    fn what_is_listed_with_its_permit_is_fine() {
        assert_eq!(findings(CODE, &format!("{CALL}\n{LOOK}")), Vec::<String>::new());
        assert_eq!(listed(&Tree::of(&[])).len(), 1, "a missing page");
    }

    #[test]
    fn each_way_to_be_wrong_is_found() {
        for (rows, says) in [
            (
                CALL.to_owned(),
                "crates/world/src/a.rs:11: `look` has an effect (process) that docs/effects.md doesn't list",
            ),
            (format!("{CALL}\n{LOOK}\n{LOOK}"), "stands twice"),
            (format!("{CALL}\n{LOOK}\n| `gone` | write | `none` | ours |"), "has no effect (any more)"),
            (
                format!("{CALL}\n{}", LOOK.replace("process", "network")),
                "the effects of `look` of crates/world/src/a.rs are: process",
            ),
            (format!("{CALL}\n{}", LOOK.replace("bot_api_call", "secret_read")), "takes no permit of `secret_read`"),
            (format!("{CALL}\n{}", LOOK.replace("bot_api_call", "any")), "takes no permit of `any`"),
            (format!("{CALL}\n{}", LOOK.replace("bot_api_call", "bot_api")), "`bot_api` is no gate"),
            (format!("{CALL}\n{}", LOOK.replace("bot_api_call", "none")), "takes a permit: name its gate"),
        ] {
            let found = findings(CODE, &rows);
            assert!(found.iter().any(|finding| finding.contains(says)), "{rows}: {found:?}");
        }
        let open = CODE.replace("permit: Permit<BotApiCall>", "");
        let found = findings(&open, &format!("{CALL}\n{LOOK}"));
        assert!(found.iter().any(|finding| finding.contains("takes no permit of `bot_api_call`")), "{found:?}");
        let silent = findings(&open, &format!("{CALL}\n| `look` | process | `none` | |"));
        assert!(silent.iter().any(|finding| finding.contains("say why `look` passes no gate")), "{silent:?}");
        assert!(findings(&open, &format!("{CALL}\n| `look` | process | `none` | the operator's own |")).is_empty());
    }

    #[test]
    fn a_second_function_of_the_same_name_hides_nothing() {
        let twice = CODE.replacen("#[cfg(test)]", "fn look() {\n    Command::new(program);\n}\n\n#[cfg(test)]", 1);
        let found = findings(&twice, &format!("{CALL}\n{LOOK}"));
        assert!(found.iter().any(|finding| finding.contains("takes no permit of `bot_api_call`")), "{found:?}");
        let inner = CODE.replace("    fn look(permit", "    pub(in crate::a) fn look(permit");
        assert_eq!(findings(&inner, &format!("{CALL}\n{LOOK}")), Vec::<String>::new());
        let asked = CODE.replace("// fs::write( in words", "path.is_symlink();");
        assert_eq!(findings(&asked, &format!("{CALL}\n{LOOK}")), Vec::<String>::new(), "a question is no effect");
    }

    #[test]
    fn the_gates_are_read_from_their_types() {
        assert_eq!(gates(KINDS_TEXT).keys().collect::<Vec<_>>(), ["bot_api_call", "secret_read"]);
    }
}
