//! Who reads the log's bundles where the log is written is on record too.

use candor_audit::bundle::verdict::Verdict;
use candor_path::Act;

use super::{fresh::digest, verify::VerifyArgs};
use crate::{
    cli::Global,
    desk::{self, Desk},
    exit::Failure,
    home::Home,
    output,
};

/// Has it on record that an intact bundle was read, if it is of this state folder's log. A record that can't be made hinders no check: whoever
/// has the file can read it with other tools.
pub(super) fn record(global: &Global, args: &VerifyArgs, verdict: &Verdict, how: &str) {
    if let Err(failure) = put(global, args, verdict, how) {
        output::note(format!("that this bundle was read isn't on record: {}", failure.message));
    }
}

fn put(global: &Global, args: &VerifyArgs, verdict: &Verdict, how: &str) -> Result<(), Failure> {
    if !is_of_this_node(global, verdict) {
        return Ok(());
    }
    let act = Act::BundleRead { bundle: digest(&args.file)?, about: verdict.about.clone(), how: how.to_owned() };
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        desk.act(act).await?;
        desk.close().await
    })
}

/// Whether the key that signed it is that of this state folder.
fn is_of_this_node(global: &Global, verdict: &Verdict) -> bool {
    // A reader elsewhere has no state folder, and none is made for a look.
    let Ok(home) = Home::find(global.state.clone(), global.config.clone()) else { return false };
    let there = home.state.join("audit.key").exists() && home.store().exists();
    there && home.audit_key().is_ok_and(|own| own.public().to_string() == verdict.signed_by)
}
