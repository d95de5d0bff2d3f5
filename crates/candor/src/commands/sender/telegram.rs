//! `candor sender add telegram`: from a bot's token to a notice that arrived, each step under its gate.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use candor_approval::{GateKeeper, signers::Owners};
use candor_core::{
    approval::{Approval, PackageRow, Standing, Verdict},
    gate::{Gate, Grant, Scope},
    ids::TargetName,
    limits::ESCALATION_LEVELS_MAX,
};
use candor_path::Act;
use candor_world::{
    secrets::SecretRef,
    senders::{
        HttpPool,
        telegram::{Bot, is_token},
    },
};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::ask;
use crate::{
    approvals,
    cli::Global,
    commands::{config as config_command, gate, notice, run as pass},
    config::{self, Config},
    desk::{self, DaemonFile, Desk},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, random},
    output,
    signing::{self, TermsArgs, lasts},
};

/// Where tokens are kept, below the state folder.
const FOLDER: &str = "secrets";
/// The shortest time from one look for the operator's message to the next.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);
/// The gates that this sender passes.
const GATES: [Gate; 2] = [Gate::BotApiCall, Gate::SecretRead];

/// Notices by a Telegram bot: from its token to a message in your chat
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  candor sender add telegram\n  candor sender add telegram --name phone --chat 123456789 --token-file - < token\n\nThe token is typed, or comes from a file or standard input; never from an argument, which every process can see.\n\nExit code: that of the test notice; 0 acked, 3 pending, 4 blocked, 5 outcome unknown."
)]
pub struct TelegramArgs {
    /// The target's name
    #[arg(long, default_value = "phone")]
    name: TargetName,
    /// The file that holds the bot's token; `-` for standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The chat's number; found by a code that you send to the bot, when absent
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    chat: Option<i64>,
    /// Another Bot API server: https, or http on this machine
    #[arg(long, value_name = "URL")]
    api_base: Option<String>,
    /// Why notices may go out: it is signed, and stays on record
    #[arg(long, default_value = "notices to the operator by Telegram")]
    reason: String,
    /// How many calls of the Bot API the approval allows
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    uses: u64,
    /// For how long
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = lasts)]
    expires: Duration,
    /// The owner's key that signs the approval: a private key's file, or the public one of a key that `ssh-agent` holds
    #[arg(long, value_name = "FILE", env = "CANDOR_SSH_KEY")]
    ssh_key: Option<PathBuf>,
    /// How long to wait for your message to the bot, and for the test notice
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = lasts)]
    wait: Duration,
}

/// Runs the command.
pub(super) fn run(global: &Global, args: &TelegramArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let before = Config::load(&home)?;
    // Whatever can be wrong is found before anything is made.
    if before.owners.is_empty() {
        return Err(Failure::new(Exit::Refused, "nobody may approve here yet, so nothing could be sent").hint(
            "first `candor owner add --principal you@example.org --key ~/.ssh/id_ed25519.pub`; docs/approvals.md",
        ));
    }
    let place = home.state.join(FOLDER).join(format!("telegram-{}.token", args.name));
    let text = config::file(&home)?.1;
    let with = |chat| with_target(text.as_deref().unwrap_or_default(), &home, args, &place, chat);
    let planned = with(args.chat)?;
    let mut bot = Bot::new(SecretRef::File(place.clone()), args.api_base.as_deref(), &HttpPool::default())
        .map_err(|why| Failure::new(Exit::Usage, why.replace("`api_base`", "`--api-base`")))?;
    let token = token(args)?;
    let mut made = Made::begin(&home, text.clone(), &place, &token)?;
    // An approval is for a target that is there.
    let config = made.configuration(&planned)?;
    let approval = approve(global, &home, &config, args)?;
    output::note(format!("{} opens bot_api_call and secret_read for `{}`", approval.no, args.name));
    let (name, chat) = desk::block_on(async {
        let desk = Desk::open(global).await?;
        let met = meet(&desk, &config.owners, &mut bot, args).await;
        if met.is_err() {
            // Nothing is left to pass under it, and nobody would look for it.
            for gate in GATES {
                let _ = desk.act(Act::CloseGate { gate, under: Some(approval.no) }).await;
            }
        }
        desk.close().await?;
        met
    })?;
    output::note(format!("@{name} writes to chat {chat}"));
    if args.chat.is_none() {
        made.configuration(&with(Some(chat))?)?;
    }
    made.stays = true;
    let (no, served) = notice::send_test(global, Some(args.name.clone()))?;
    if !served {
        // Nobody else would send it.
        pass::run(&Global { json: false, ..global.clone() }, pass::RunArgs::pass())?;
    }
    let exit = notice::settled(global, no, args.wait)?;
    if global.json {
        let told = json!({
            "target": args.name, "bot": name, "chat": chat, "token": place, "approval": approval.no, "notice": no,
            "acked": exit == Exit::Ok,
        });
        output::json(&told)?;
    } else if exit == Exit::Ok {
        output::line(format!(
            "{no} is acked: the bot's message is in the chat. Notices go to `{}` from now on",
            args.name
        ));
        output::line(format!(
            "until {}, for {} calls: candor gate list",
            approval.terms.expires_at, approval.terms.max_uses
        ));
    } else {
        output::line(format!("the target is there, but {no} didn't arrive yet: candor notice show {no}"));
    }
    Ok(exit)
}

/// The token, which must have the form of one. It is never shown.
fn token(args: &TelegramArgs) -> Result<SecretString, Failure> {
    let question = "Make a bot: write /newbot to @BotFather on Telegram, and paste here the token that it answers with (it isn't shown):";
    let token = ask::secret(args.token_file.as_deref(), question)?;
    if is_token(&token) {
        return Ok(token);
    }
    Err(Failure::new(Exit::Usage, "what was given is no bot token")
        .hint("it is written `123456789:letters-and-digits`; @BotFather shows it"))
}

/// What was made: the token's file, and the target in the configuration. All of it is taken back unless it comes to a target that works.
struct Made<'a> {
    home: &'a Home,
    token: &'a Path,
    before: Option<String>,
    written: Option<String>,
    stays: bool,
}

impl<'a> Made<'a> {
    fn begin(home: &'a Home, before: Option<String>, token: &'a Path, secret: &SecretString) -> Result<Self, Failure> {
        let unwritten = |error: std::io::Error| {
            Failure::new(Exit::Store, format!("`{}` can't be written: {error}", token.display()))
        };
        if token.exists() {
            return Err(Failure::new(Exit::Refused, format!("`{}` is there already", token.display()))
                .hint("it is of a target that was there; move it away, or choose another `--name`"));
        }
        if let Some(folder) = token.parent() {
            fs::create_dir_all(folder).map_err(unwritten)?;
        }
        files::write_whole(token, secret.expose_secret().as_bytes()).map_err(unwritten)?;
        Ok(Self { home, token, before, written: None, stays: false })
    }

    /// Writes the configuration, once a draft beside it shows that it can be gone by, and has a daemon that runs go by it.
    fn configuration(&mut self, text: &str) -> Result<Config, Failure> {
        let draft = self.home.config.with_extension("yaml.checked");
        let unwritten = |error: std::io::Error| {
            Failure::new(Exit::Store, format!("`{}` can't be written: {error}", draft.display()))
        };
        files::write_whole(&draft, text.as_bytes()).map_err(unwritten)?;
        if let Err(failure) = Config::load(&Home { config: draft.clone(), ..self.home.clone() }) {
            let _ = fs::remove_file(&draft);
            return Err(failure);
        }
        fs::rename(&draft, &self.home.config).map_err(unwritten)?;
        self.written = Some(text.to_owned());
        let config = Config::load(self.home)?;
        adopt(self.home, &config)?;
        Ok(config)
    }

    /// Takes back what was made; what somebody changed since stays.
    fn take_back(&self) {
        let _ = fs::remove_file(self.token);
        let now = fs::read_to_string(&self.home.config).ok();
        if self.written.is_none() || now != self.written {
            return;
        }
        let _ = match &self.before {
            Some(before) => files::write_whole(&self.home.config, before.as_bytes()),
            None => fs::remove_file(&self.home.config),
        };
        if let Err(failure) = Config::load(self.home).and_then(|config| adopt(self.home, &config)) {
            output::note(failure);
        }
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if !self.stays {
            self.take_back();
        }
    }
}

/// Has a daemon that runs go by the configuration.
fn adopt(home: &Home, config: &Config) -> Result<(), Failure> {
    if DaemonFile::read(home).as_ref().is_some_and(desk::is_reachable) {
        config_command::adopt(home, &config.digest)?;
    }
    Ok(())
}

/// Has an owner sign what this sender needs: one packet, its two gates, for this target alone.
fn approve(global: &Global, home: &Home, config: &Config, args: &TelegramArgs) -> Result<Approval, Failure> {
    let gates = BTreeSet::from(GATES);
    let fits = |package: &PackageRow| gate::packet(package, &gates).is_ok();
    let package = approvals::newest(global, config, &fits)?;
    let packet = gate::packet(&package, &gates)?;
    let asked = TermsArgs {
        reason: args.reason.clone(),
        target: Some(args.name.clone()),
        runtime: None,
        plan: None,
        uses: args.uses,
        expires: args.expires,
        starts_in: None,
        fields: Vec::new(),
        request: None,
        ssh_key: args.ssh_key.clone(),
    };
    let terms = asked.terms(&home.node()?, &package, packet, gates, Verdict::Approve, Clock::from_env().now())?;
    let signed = signing::sign(args.ssh_key.as_deref(), &config.owners, signing::document(&terms)?)?;
    let approval = signing::hand_in(global, Act::Approve { signed })?;
    if approval.standing == Standing::WaitsForOwner {
        let no = approval.no;
        return Err(Failure::new(Exit::Pending, format!("{no} waits for another owner"))
            .hint(format!("`candor approval countersign {no}`, then this again")));
    }
    Ok(approval)
}

/// Who the bot is, and which chat the code comes from. Each call takes a use of both gates.
async fn meet(desk: &Desk, owners: &Owners, bot: &mut Bot, args: &TelegramArgs) -> Result<(String, i64), Failure> {
    let clock = Clock::from_env();
    let failed = |why: String| Failure::new(Exit::Refused, why);
    let mut keeper = take(desk, owners, &args.name, "ask who the bot is").await?;
    let name = bot.name(&mut keeper, &args.name, clock.now()).await.map_err(failed)?;
    if let Some(chat) = args.chat {
        return Ok((name, chat));
    }
    let code = code()?;
    output::note(format!("Open https://t.me/{name} and send it this code: {code}"));
    let until = Instant::now() + args.wait;
    while Instant::now() < until {
        let mut keeper = take(desk, owners, &args.name, "look for the operator's message to the bot").await?;
        let asked = Instant::now();
        if let Some(found) = bot.look(&mut keeper, &args.name, clock.now(), &code).await.map_err(failed)? {
            return Ok((name, found.chat));
        }
        // A server that answers at once where it should wait would be asked, and use after use taken, without a pause.
        tokio::time::sleep_until((asked + LOOK_EVERY_MIN).into()).await;
    }
    Err(Failure::new(Exit::Unreachable, format!("no message with the code came to @{name}"))
        .hint("send it sooner, or name the chat with `--chat`; `--wait 10m` waits longer"))
}

async fn take(desk: &Desk, owners: &Owners, to: &TargetName, what: &str) -> Result<GateKeeper, Failure> {
    let act = Act::TakeUse { gates: GATES.to_vec(), scope: Scope::channel(to), what: what.to_owned() };
    let told = desk.act(act).await?;
    let grants: Vec<Grant> = serde_json::from_value(told.get("grants").cloned().unwrap_or_default())
        .map_err(|error| Failure::new(Exit::Internal, format!("no use was answered: {error}")))?;
    Ok(GateKeeper::from_record(owners.clone(), grants))
}

/// Six digits that nobody can guess.
fn code() -> Result<String, Failure> {
    let mut bytes = [0_u8; 4];
    random(&mut bytes)?;
    Ok(format!("{:06}", u32::from_le_bytes(bytes) % 1_000_000))
}

/// The text with the target. Until its chat is known, no notice of any weight goes there.
fn with_target(
    text: &str,
    home: &Home,
    args: &TelegramArgs,
    token: &Path,
    chat: Option<i64>,
) -> Result<String, Failure> {
    let mut fields: Vec<(&str, Value)> = vec![
        ("name", json!(args.name)),
        ("sender", json!("telegram")),
        ("chat", json!(chat.unwrap_or_default())),
        ("token", json!({ "file": token })),
    ];
    fields.extend(args.api_base.as_ref().map(|base| ("api_base", json!(base))));
    if chat.is_none() {
        fields.push(("from_level", json!(ESCALATION_LEVELS_MAX)));
    }
    config::with_target(text, &home.config, &fields)
}
