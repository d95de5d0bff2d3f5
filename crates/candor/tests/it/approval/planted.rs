//! The display redaction contract: secrets, prompts, reasoning, payloads and transcripts in each text that someone writes. None is taken in, and
//! what stands in the store all the same is shown nowhere.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::chain::PLANTED;
use crate::common::{Daemon, Home, write};

/// A word of each planted text, and of no other.
const MARK: &str = "planted";

/// A deployment in which everything was said once, and a daemon whose log is kept.
struct Told {
    home: Home,
    daemon: Daemon,
}

impl Told {
    fn new() -> Self {
        let home = Home::owned("approvals: {follow_up: [results, scores, learning, trust, reviews, rollbacks]}\n");
        let log = fs::File::create(home.folder.path().join("daemon.log")).unwrap();
        let mut command = home.command(&["up", "--listen", "127.0.0.1:0", "-vv"]);
        command.env("CANDOR_LOG", "trace");
        let daemon = home.up_by_into(command, Stdio::from(log.try_clone().unwrap()), Stdio::from(log));
        home.ends(0, &["task", "start", "t", "--agent", "a"]);
        Self { home, daemon }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.folder.path().join("daemon.log")).unwrap()
    }

    /// Hands in an act as the operator does; the status and what was answered.
    fn act(&self, act: &Value) -> (u16, String) {
        self.http("/v1/acts", Some(act))
    }

    fn http(&self, path: &str, body: Option<&Value>) -> (u16, String) {
        let token = fs::read_to_string(self.home.state().join("operator.token")).unwrap();
        let mut curl = Command::new("curl");
        curl.args(["-s", "-w", "\n%{http_code}", "-H", "content-type: application/json", "-H"])
            .arg(format!("authorization: Bearer {}", token.trim()));
        if let Some(body) = body {
            curl.arg("-d").arg(body.to_string());
        }
        let output = curl.arg(format!("http://{}{path}", self.daemon.address.unwrap())).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let (body, status) = said.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// Everything that shows something of approvals, as a person and as a program sees it.
    fn shown(&self) -> Vec<(String, String)> {
        let home = &self.home;
        let path = |name: &str| home.folder.path().join(name).to_str().unwrap().to_owned();
        let mut all = Vec::new();
        let (bundle, page, package) = (path("all.tar"), path("page.html"), path("package.html"));
        home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--force", "--out", &bundle]);
        let key = home.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
        let commands: [&[&str]; 19] = [
            &["gate", "list", "--all"],
            &["gate", "show", "reviewer_queue_write"],
            &["gate", "history"],
            &["status"],
            &["doctor"],
            &["owner", "list"],
            &["approval", "list"],
            &["approval", "show"],
            &["approval", "drill", "--list"],
            &["readback", "readiness", "--dry-run"],
            &["result", "list"],
            &["result", "show", "t"],
            &["score", "list"],
            &["learning", "list"],
            &["trust", "list"],
            &["review", "list"],
            &["rollback", "list"],
            &["audit", "show", &bundle, "--key", &key],
            &["audit", "replay", &bundle, "--key", &key],
        ];
        for command in commands {
            for more in [&[][..], &["--json"]] {
                let args = [command, more].concat();
                let output = home.run(&args);
                let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                assert!(!told.is_empty(), "{args:?}");
                all.push((args.join(" "), told));
            }
        }
        home.ends(0, &["audit", "show", &bundle, "--key", &key, "--html", &page, "--force"]);
        home.ends(0, &["approval", "show", "--html", &package, "--force"]);
        for file in [&page, &package] {
            all.push((file.clone(), fs::read_to_string(file).unwrap()));
        }
        for view in ["/v1/status", "/v1/gates"] {
            all.push((view.to_owned(), self.http(view, None).1));
        }
        all.push(("the log".to_owned(), self.log()));
        all
    }
}

/// Everything that was said once, with plain words; `word` stands in each.
fn say(told: &Told, word: &str) {
    let home = &told.home;
    let open = |gate: &str| {
        let args = ["gate", "open", gate, "--reason", word, "--expires", "1h", "--uses", "9"];
        home.ends(0, &args);
    };
    home.ends(0, &["approval", "drill", "--all"]);
    home.ends(0, &["approval", "request", "runtime_score_write", "--task", "t", "--agent", "a", "--reason", word]);
    open("runtime_result_capture_write");
    open("reviewer_queue_write");
    open("rollback_work_item_write");
    home.ends(0, &["approval", "review", "review_approval_package", "--note", word]);
    home.ends(0, &["result", "capture", "t"]);
    home.ends(0, &["review", "add", "t", "--why", word]);
    home.ends(0, &["review", "done", "t", "--note", word]);
    home.ends(0, &["rollback", "add", "t", "--why", word]);
    home.ends(0, &["approval", "revoke", "ap-1", "--reason", word]);
    home.ends(3, &["score", "write", "--agent", "a"]);
}

/// In each text that a command or an act has: it isn't taken, it isn't told back, and it is nowhere afterwards.
#[test]
fn nothing_that_is_planted_is_taken_in_whatever_field_it_is_in() {
    let told = Told::new();
    let home = &told.home;
    say(&told, "fine");
    for planted in PLANTED {
        let field = format!("rollback_plan={planted}");
        let by_name = format!("{planted}=x");
        let commands: [&[&str]; 12] = [
            &["gate", "open", "runtime_score_write", "--expires", "1h", "--reason", planted],
            &["gate", "open", "runtime_score_write", "--expires", "1h", "--reason", "x", "--field", &field],
            &["gate", "open", "runtime_score_write", "--expires", "1h", "--reason", "x", "--field", &by_name],
            &["approval", "approve", "scores-and-learning", "--expires", "1h", "--reason", planted],
            &["approval", "reject", "scores-and-learning", "--expires", "1h", "--reason", planted],
            &["approval", "revoke", "ap-2", "--reason", planted],
            &["approval", "request", "bot_api_call", "--task", "t", "--agent", "a", "--reason", planted],
            &["approval", "review", "review_rollback_drill", "--note", planted],
            &["review", "add", "t", "--why", planted],
            &["review", "done", "t", "--note", planted],
            &["rollback", "add", "t", "--why", planted],
            &["rollback", "done", "t", "--note", planted],
        ];
        for args in commands {
            for more in [&[][..], &["--json"]] {
                let output = home.run(&[args, more].concat());
                let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                assert!(!output.status.success(), "{args:?}: {said}");
                assert!(!said.contains(MARK), "{args:?}: {said}");
            }
        }
        let acts = [
            json!({"act": "keep", "kind": "drill", "key": "close-gates", "body": {"good": false, "steps": [{"done": false, "found": planted}]}}),
            json!({"act": "keep", "kind": "drill", "key": planted, "body": {"good": false}}),
            json!({"act": "keep", "kind": "review", "key": "x", "body": {"note": planted}}),
            json!({"act": "keep", "kind": "review", "key": "x", "body": {planted: "x"}}),
            json!({"act": "keep", "kind": "readiness", "key": "readiness", "body": {"deep": [{"er": planted}]}}),
            json!({"act": "want", "wanted": {"want": "review", "task": "t", "why": planted}}),
            json!({"act": "want", "wanted": {"want": "roll_back", "task": "t", "why": planted}}),
            json!({"act": "want", "wanted": {"want": "mend_lane", "lane": "close-gates", "why": planted}}),
            json!({"act": "want", "wanted": {"want": "mend_lane", "lane": planted, "why": "x"}}),
            json!({"act": "close_item", "kind": "rollback_item", "key": "t", "note": planted}),
            json!({"act": "close_item", "kind": "rollback_item", "key": planted, "note": "x"}),
            json!({"act": "take_use", "gates": ["reviewer_queue_write"], "what": planted}),
        ];
        for act in acts {
            let (status, said) = told.act(&act);
            assert!((400..500).contains(&status), "{act}: {status} {said}");
            assert!(!said.contains(MARK), "{act}: {said}");
        }
    }
    for (what, text) in told.shown() {
        assert!(!text.contains(MARK), "{what}: {text}");
    }
    // Not on record, and not in what leaves as a bundle.
    for file in [home.folder.path().join("all.tar"), home.state().join("candor.db"), home.state().join("candor.db-wal")]
    {
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(MARK), "{}", file.display());
    }
}

/// What stands in the store all the same (somebody wrote it there, or an older version took it) is shown nowhere.
#[test]
fn nothing_that_is_planted_in_the_store_is_shown() {
    for planted in PLANTED {
        let told = Told::new();
        let home = &told.home;
        let word = "a-word-that-is-replaced";
        say(&told, word);
        let seen = told.shown().into_iter().filter(|(_, text)| text.contains(word)).count();
        assert!(seen >= 12, "only {seen} outputs would show it");
        let changed = replace(home, word, planted);
        assert!(changed >= 8, "{changed}");
        for (what, text) in told.shown() {
            assert!(!text.contains(MARK), "{what}: {text}");
        }
    }
}

/// What agents report stands in the log as they said it. Who shows a bundle of it shows it without such texts.
#[test]
fn a_bundle_is_shown_without_what_agents_planted_in_their_reports() {
    for planted in PLANTED {
        let told = Told::new();
        let home = &told.home;
        home.ends(0, &["task", "checkpoint", "t", "--agent", "a", "--status", "running", "--note", planted]);
        home.run(&["claim", "t", "--agent", "a", "--kind", "tests_passed", "--statement", planted]);
        if !planted.contains('\n') {
            home.ends(0, &["task", "fail", "t", "--agent", "a", "--reason", planted]);
        }
        let path = |name: &str| home.folder.path().join(name).to_str().unwrap().to_owned();
        let (bundle, page) = (path("t.tar"), path("t.html"));
        home.ends(0, &["audit", "export", "--task", "t", "--out", &bundle]);
        let key = home.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
        let shown = home.ends(0, &["audit", "show", &bundle, "--key", &key]);
        assert!(shown.contains("[redacted: "), "{shown}");
        home.ends(0, &["audit", "show", &bundle, "--key", &key, "--html", &page]);
        for text in [
            shown,
            home.ends(0, &["audit", "show", &bundle, "--key", &key, "--json"]),
            fs::read_to_string(&page).unwrap(),
        ] {
            assert!(!text.contains(MARK), "{text}");
        }
        assert!(!told.log().contains(MARK));
    }
}

/// Replaces a word in every row of the approval chain, and in an entry of the ledger; how many rows.
fn replace(home: &Home, word: &str, by: &str) -> usize {
    let script = home.folder.path().join("replace.py");
    write(
        &script,
        "import json, sqlite3, sys\n\
         word, by = sys.argv[2:]\n\
         def put(of):\n\
        \x20   if isinstance(of, dict): return {k: put(v) for k, v in of.items()}\n\
        \x20   if isinstance(of, list): return [put(v) for v in of]\n\
        \x20   if not isinstance(of, str): return of\n\
        \x20   return json.dumps(put(json.loads(of))) if of.startswith('{') else of.replace(word, by)\n\
         c = sqlite3.connect(sys.argv[1], timeout=30)\n\
         n = 0\n\
         for table in ('opening', 'approval', 'request', 'document', 'work'):\n\
        \x20   for no, body in c.execute(f'SELECT no, body FROM {table}').fetchall():\n\
        \x20       if word in body:\n\
        \x20           n += c.execute(f'UPDATE {table} SET body = ? WHERE no = ?', (json.dumps(put(json.loads(body))), no)).rowcount\n\
         by = json.dumps(by)[1:-1]\n\
         n += c.execute(\"INSERT INTO effect SELECT 999, at, gate, replace(body, 'before a reviewer', ?) FROM effect WHERE gate = 'reviewer_queue_write' LIMIT 1\", (by,)).rowcount\n\
         c.commit()\n\
         print(n)\n",
    );
    let python =
        Command::new("python3").arg(&script).arg(home.state().join("candor.db")).args([word, by]).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    String::from_utf8(python.stdout).unwrap().trim().parse().unwrap()
}
