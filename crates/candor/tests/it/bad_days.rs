//! Bad days on the real binary: a full disk, a folder that can't be written, a daemon that is asked to stop while much is going on.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::json;

use crate::common::{Home, Moods, Sink, post, wait};

/// The daemon's files may not grow beyond a size: the system refuses as it does when the disk is full.
#[test]
fn a_full_disk_refuses_new_work_and_loses_none() {
    let home = Home::new("");
    home.ends(0, &["notify", "before"]);
    let script = "trap '' XFSZ; ulimit -f 3000; exec \"$0\" \"$@\"";
    let command = home.command(&["up", "--listen", "127.0.0.1:0"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    let mut daemon = home.up_by(limited);
    let at = daemon.address.unwrap();
    let (mut taken, mut refused) = (0, None);
    for no in 0..4_000 {
        let noise: String = (0..200_u64).map(|part| format!("{:x} ", (no + 1) * 0x9E37_79B9 * (part + 7))).collect();
        let event = json!({"specversion": "1.0", "id": format!("{no}"), "source": "/t",
            "type": "reporting-governance.notice.requested", "data": {"title": "look", "text": noise}});
        match post(at, &event) {
            Some((200, _)) => taken += 1,
            other => {
                refused = Some(other);
                break;
            }
        }
    }
    let (status, told) = refused.unwrap().unwrap();
    assert_eq!(status, 507, "{told}");
    assert_eq!(told["error"]["code"], "store_full", "{told}");
    assert!(taken > 10, "{taken}");
    assert!(daemon.child.try_wait().unwrap().is_none(), "it lives, and goes on when there is room");
    daemon.signal("-TERM");
    daemon.child.wait().unwrap();
    // There is room again.
    let listed = home.json(&["notice", "list", "--limit", "1000"])["notices"].as_array().unwrap().len();
    assert_eq!(listed, (taken + 1).min(1_000));
    home.ends(0, &["notify", "after"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_its_path() {
    let home = Home::new("");
    home.ends(0, &["notify", "look"]);
    let mode = |mode| std::fs::set_permissions(home.state(), std::fs::Permissions::from_mode(mode)).unwrap();
    let root = is_root();
    let as_nobody = |args: &[&str]| {
        let command = home.command(args);
        if !root {
            return home.run(args);
        }
        // Permissions don't bind root: the command runs as a user without rights.
        let mut nobody = Command::new("setpriv");
        nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        nobody.arg(command.get_program()).args(command.get_args()).output().unwrap()
    };
    std::fs::set_permissions(home.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for file in ["candor.db", "candor.db-wal", "candor.db-shm", "candor.lock"] {
        let _ = std::fs::set_permissions(home.state().join(file), std::fs::Permissions::from_mode(0o444));
    }
    mode(0o555);
    let output = as_nobody(&["notify", "look"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    mode(0o755);
    assert_eq!(output.status.code(), Some(9), "{told}");
    assert!(told.contains("state") && !told.contains("Os {"), "{told}");
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.starts_with(b"0")
}

#[test]
fn a_stop_under_load_leaves_nothing_without_a_next_step() {
    let sink = Sink::start(Moods { late: 3, by: std::time::Duration::from_millis(50), ..Moods::default() });
    let home = Home::owned(&sink.config());
    let mut daemon = home.up();
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    let at = daemon.address.unwrap();
    let load = std::thread::spawn(move || {
        let event = |no: u64| {
            json!({"specversion": "1.0", "id": format!("{no}"), "source": "/t",
                "type": "reporting-governance.notice.requested", "data": {"title": format!("look {no}")}})
        };
        (0..).take_while(|no| matches!(post(at, &event(*no)), Some((200, _)))).count()
    });
    wait("some arrived", || sink.seen.lock().unwrap().len() > 20);
    daemon.signal("-TERM");
    assert!(daemon.child.wait().unwrap().success());
    let taken = load.join().unwrap();
    let _daemon = home.up();
    wait("all are acked", || {
        let counts = home.json(&["status"])["deliveries"].as_array().unwrap().clone();
        counts.iter().any(|of| of["state"] == "acked" && of["count"].as_u64() == Some(taken as u64))
    });
    assert_eq!(sink.seen.lock().unwrap().len(), taken, "each was seen, and none that wasn't accepted");
}
