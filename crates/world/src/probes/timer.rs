//! A timer can be installed: this user's systemd answers, or cron takes a table, or launchd is here.

use candor_core::capability::Probe;

use super::{Place, Saw, run};

/// What could run the watchdog on a schedule, and the question that shows it.
const SCHEDULERS: [(&str, &[&str]); 3] =
    [("systemctl", &["--user", "show-environment"]), ("launchctl", &["managername"]), ("crontab", &["-l"])];

pub(super) fn method(_: &Probe) -> String {
    "`systemctl --user show-environment`, `launchctl managername`, `crontab -l`".to_owned()
}

pub(super) fn look(_: &Probe, place: &Place) -> Saw {
    let mut why = Vec::new();
    for (name, question) in SCHEDULERS {
        let Some(program) = run::find(name, &place.path) else {
            why.push(format!("no `{name}`"));
            continue;
        };
        match run::ask(&program, question) {
            // `crontab -l` ends with 1 where there is no table yet, which is no obstacle.
            Ok((status, _)) if status.success() || (name == "crontab" && status.code() == Some(1)) => {
                return Ok(format!("`{name}` answers"));
            }
            Ok((status, _)) => why.push(format!("`{name}` ended with {status}")),
            Err(error) => why.push(error),
        }
    }
    Err(why.join("; "))
}
