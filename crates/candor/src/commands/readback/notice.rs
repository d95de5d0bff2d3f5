//! `candor readback notice`: a channel is asked what became of a notice.

use candor_core::{
    ids::{NoticeNo, TargetName},
    notice::{Delivery, DeliveryState, PendingReason},
    work::{Wanted, Work, WorkState},
};
use candor_store::{Listing as _, NoticeRow};
use clap::Args;

use crate::{
    cli::Global,
    config::Config,
    desk,
    exit::{Exit, Failure, Outcome},
    gated,
    home::Home,
};

#[derive(Debug, Args)]
pub struct NoticeArgs {
    /// The notice
    notice: NoticeNo,
    /// The target; may be left out where only one is in doubt
    #[arg(long)]
    target: Option<TargetName>,
}

/// Has the channel asked, once its gate is open.
pub fn run(global: &Global, args: &NoticeArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let row = row(global, args.notice)?;
    let target = match &args.target {
        Some(target) => target.clone(),
        None => only(&row)?,
    };
    can_be_asked(&config, &target)?;
    let work =
        gated::want_by(global, config, Wanted::ReadBack { notice: args.notice, target: target.clone() }, &|| ())?;
    let exit = gated::tell(global, &work)?;
    settled(global, &work, &target, exit)
}

fn row(global: &Global, notice: NoticeNo) -> Result<NoticeRow, Failure> {
    let found = desk::reader(global)?.notice_row(notice).map_err(desk::store_failure)?;
    found.ok_or_else(|| Failure::new(Exit::NotFound, format!("no notice `{notice}`")).hint("candor notice list"))
}

fn in_doubt(delivery: &Delivery) -> bool {
    let doubt = [PendingReason::OutcomeUnknown, PendingReason::AcceptedByRelay];
    matches!(&delivery.state, DeliveryState::Pending { reason, .. } if doubt.contains(reason))
}

/// The one target that the notice is in doubt for.
fn only(row: &NoticeRow) -> Result<TargetName, Failure> {
    let doubted: Vec<&TargetName> = row.deliveries.iter().filter(|of| in_doubt(of)).map(|of| &of.target).collect();
    match doubted[..] {
        [target] => Ok(target.clone()),
        [] => Err(Failure::new(Exit::Refused, format!("nothing about {} is in doubt", row.notice.no)).hint(
            "only an unknown outcome, or a relay's word, is asked about; `candor notice show` says how it stands",
        )),
        _ => {
            let names: Vec<String> = doubted.iter().map(|target| format!("`{target}`")).collect();
            let what = format!("{} is in doubt for {}", row.notice.no, names.join(" and "));
            Err(Failure::new(Exit::Usage, what).hint("name one with --target"))
        }
    }
}

fn can_be_asked(config: &Config, target: &TargetName) -> Result<(), Failure> {
    let Some(binding) = config.bindings.get(target) else {
        return Err(Failure::new(Exit::NotFound, format!("no target `{target}`")).hint("candor config show"));
    };
    binding.reads_back().map_err(|why| {
        Failure::new(Exit::Refused, format!("`{target}` can't be asked what became of a notice: {why}")).hint(
            "look there yourself, and settle it with `candor notice resolve`; docs/approvals.md says what can be asked",
        )
    })
}

/// How the notice stands after an answer, as an exit code.
fn settled(global: &Global, work: &Work, target: &TargetName, exit: Exit) -> Outcome {
    let (WorkState::Done { .. }, Wanted::ReadBack { notice, .. }) = (&work.state, &work.wanted) else {
        return Ok(exit);
    };
    let row = row(global, *notice)?;
    let state = row.deliveries.iter().find(|of| &of.target == target).map(|of| &of.state);
    Ok(match state {
        Some(DeliveryState::Acked { .. }) => Exit::Ok,
        Some(DeliveryState::Blocked { .. }) => Exit::Blocked,
        Some(DeliveryState::Pending { reason: PendingReason::OutcomeUnknown, .. }) => Exit::Unknown,
        _ => Exit::Pending,
    })
}
