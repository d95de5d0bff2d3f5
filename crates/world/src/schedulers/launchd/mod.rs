//! launchd: an agent of the user, for the daemon or for passes.

use super::{PASS_EVERY, Piece, Scheduler, Unit, Way};

pub(super) const AGENT: Scheduler = Scheduler {
    name: "launchd",
    what: "the user's launchd",
    usual: Way::Daemon,
    needs_root: false,
    question: ("launchctl", &["managername"], &[]),
    pieces,
};

fn pieces(unit: &Unit) -> Vec<Piece> {
    let label = format!("dev.candor.{}", unit.name);
    let path = unit.home.join(format!("Library/LaunchAgents/{label}.plist"));
    let domain = format!("gui/{}", unit.uid);
    let call = |words: &[&str]| std::iter::once("launchctl").chain(words.iter().copied()).map(str::to_owned).collect();
    let file = path.to_string_lossy().into_owned();
    vec![
        Piece::File { path, text: plist(unit, &label) },
        Piece::Command {
            run: Some(call(&["bootstrap", &domain, &file])),
            undo: Some(call(&["bootout", &format!("{domain}/{label}")])),
        },
    ]
}

fn plist(unit: &Unit, label: &str) -> String {
    let words: String = unit.command().iter().map(|word| format!("    <string>{}</string>\n", escaped(word))).collect();
    let when = match unit.way {
        Way::Daemon => "  <key>KeepAlive</key>\n  <true/>\n".to_owned(),
        Way::Passes => format!("  <key>StartInterval</key>\n  <integer>{}</integer>\n", PASS_EVERY.as_secs()),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!-- Made by `candor deploy activate`, taken away by `candor deploy deactivate`. -->\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>{}</string>\n  <key>ProgramArguments</key>\n  <array>\n{words}  \
         </array>\n  <key>EnvironmentVariables</key>\n  <dict>\n    <key>PATH</key>\n    <string>{}</string>\n  </dict>\n  \
         <key>RunAtLoad</key>\n  <true/>\n{when}  <key>Umask</key>\n  <integer>63</integer>\n</dict>\n</plist>\n",
        escaped(label),
        escaped(&unit.path)
    )
}

/// A text inside an XML element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{super::tests::unit, *};

    /// Python's reader of the format gets the very words.
    #[test]
    fn a_reader_of_property_lists_gets_the_very_words() -> Result<(), Box<dyn std::error::Error>> {
        for way in [Way::Daemon, Way::Passes] {
            let file = tempfile::NamedTempFile::new()?;
            std::fs::write(file.path(), plist(&unit(way), "dev.candor.candor"))?;
            let script = "import plistlib,sys; p=plistlib.load(open(sys.argv[1],'rb')); print('|'.join(p['ProgramArguments']), p.get('KeepAlive'), p.get('StartInterval'))";
            let out = std::process::Command::new("python3").args(["-c", script]).arg(file.path()).output()?;
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            let words = "/opt/can dor/candor|--state|/home/me/50% $HOME/\"x\" & <y>|";
            let rest = if way == Way::Daemon { "up True None\n" } else { "run|--json None 60\n" };
            assert_eq!(said, format!("{words}{rest}"), "{}", String::from_utf8_lossy(&out.stderr));
        }
        Ok(())
    }
}
