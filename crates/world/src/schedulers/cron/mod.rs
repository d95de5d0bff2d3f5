//! cron: one line in the user's own table, inside marks.

use super::{Piece, Scheduler, Unit, Way};

/// `crontab -l` ends with 1 where there is no table yet, which is no obstacle.
pub(super) const TABLE: Scheduler = Scheduler {
    name: "cron",
    what: "the user's cron table",
    usual: Way::Passes,
    needs_root: false,
    question: ("crontab", &["-l"], &[1]),
    pieces,
};

fn pieces(unit: &Unit) -> Vec<Piece> {
    let when = match unit.way {
        Way::Passes => "* * * * *",
        Way::Daemon => "@reboot",
    };
    let words: Vec<String> = unit.command().iter().map(|word| quoted(word)).collect();
    // What it says of a pass isn't mailed each minute; what goes wrong is.
    let line = format!("{when} PATH={} {} >/dev/null", quoted(&unit.path), words.join(" "));
    vec![Piece::Crontab { name: unit.name.clone(), body: line.replace('%', r"\%") }]
}

/// A word as the shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::unit, *};

    /// The shell gets the very words, after cron took the backslash before a percent sign away.
    #[test]
    fn the_shell_reads_the_words_as_they_are() -> Result<(), Box<dyn std::error::Error>> {
        let mut of = unit(Way::Passes);
        of.program = vec!["printf".to_owned(), "%s|".to_owned(), "it's $HOME \\ \"50%\"".to_owned()];
        let Some(Piece::Crontab { body, .. }) = pieces(&of).pop() else { return Err("no table".into()) };
        let line = body.strip_prefix("* * * * * ").and_then(|rest| rest.strip_suffix(" >/dev/null"));
        let line = line.ok_or("no line")?.replace(r"\%", "%");
        let out = std::process::Command::new("sh").arg("-c").arg(line).output()?;
        assert_eq!(String::from_utf8_lossy(&out.stdout), "it's $HOME \\ \"50%\"|run|--json|");
        Ok(())
    }
}
