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
    let script = unit.folder.join("cron.sh");
    // What it says of a pass isn't mailed each minute; what goes wrong is.
    let line = format!("{when} sh {} >/dev/null", quoted(&script.display().to_string()));
    vec![
        Piece::File { path: script, text: text(unit) },
        Piece::Crontab { name: unit.name.clone(), body: line.replace('%', r"\%") },
    ]
}

/// A script of its own: a line of the table may be no longer than some hundred bytes, and `PATH` alone can be that.
fn text(unit: &Unit) -> String {
    let words: Vec<String> = unit.command().iter().map(|word| quoted(word)).collect();
    format!(
        "#!/bin/sh\n# Made by `candor deploy activate`, taken away by `candor deploy deactivate`.\nPATH={}\nexport PATH\nexec {}\n",
        quoted(&unit.path),
        words.join(" ")
    )
}

/// A word as the shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::unit, *};

    /// The shell gets the very words, and the table the script's own place.
    #[test]
    fn the_shell_reads_the_words_as_they_are() -> Result<(), Box<dyn std::error::Error>> {
        let mut of = unit(Way::Passes);
        of.program = vec!["printf".to_owned(), "%s|".to_owned(), "it's $HOME \\ \"50%\"".to_owned()];
        let folder = tempfile::tempdir()?;
        of.folder = folder.path().join("100% it's");
        std::fs::create_dir(&of.folder)?;
        let pieces = pieces(&of);
        let (Some(Piece::File { path, text }), Some(Piece::Crontab { body, .. })) = (pieces.first(), pieces.get(1))
        else {
            return Err("no script and table".into());
        };
        std::fs::write(path, text)?;
        let line = body.strip_prefix("* * * * * ").and_then(|rest| rest.strip_suffix(" >/dev/null"));
        // cron takes the backslash before a percent sign away.
        let line = line.ok_or("no line")?.replace(r"\%", "%");
        let out = std::process::Command::new("sh").arg("-c").arg(line).output()?;
        assert_eq!(String::from_utf8_lossy(&out.stdout), "it's $HOME \\ \"50%\"|run|--json|");
        Ok(())
    }
}
