//! `candor owner add`: a key becomes an owner's.

use std::{
    collections::BTreeSet,
    fs::{DirBuilder, File},
    io::{IsTerminal as _, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    process::{Command, Stdio},
};

use candor_approval::signers::NAMESPACE;
use candor_store::{Listing as _, TaskFilter, sqlite::Reader};
use serde_json::json;

use super::{AddArgs, after, signers::Files};
use crate::{
    cli::Global,
    config::parse_signers,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// Largest public key's file, in bytes.
const PUBLIC_KEY_BYTES_MAX: u64 = 16 * 1024;
/// Tasks that are looked through for one of an agent, newest first.
const TASKS_MAX: usize = 1_000;

pub(super) fn run(global: &Global, home: &Home, args: &AddArgs) -> Outcome {
    home.create()?;
    let files = Files::read(home)?;
    let name = args.principal.trim();
    named(name)?;
    let called = files.owners.called(name).unwrap_or(name).to_owned();
    // What can be wrong is found before a key is made.
    let agents: BTreeSet<_> = files.agents(&called).into_iter().chain(args.agents.iter().cloned()).collect();
    let config = files.with_agents(&called, &agents)?;
    let public = match &args.generate {
        Some(path) => made(path, name, args)?,
        None => args.key.as_deref().map(public).transpose()?.unwrap_or_default(),
    };
    let known = files.owners.key_of(&public).map(|key| key.name().to_owned());
    let text = match &known {
        Some(owner) if *owner == called => files.text.clone(),
        _ => with_line(&files.text, &called, &public),
    };
    let owners = parse_signers(&files.path, &text).map_err(|failure| {
        Failure::new(Exit::Refused, format!("`{name}` can't be added: {}", failure.message))
            .hint("docs/approvals.md says which keys and names can be an owner's")
    })?;
    files.write_signers(&text)?;
    files.write_config(&config)?;
    let fingerprint = owners.key_of(&public).map(candor_approval::signers::OwnerKey::fingerprint).unwrap_or_default();
    let told = json!({
        "owner": called, "key": fingerprint, "agents": agents, "allowed_signers": files.path,
        "changed": text != files.text,
    });
    let already = if text == files.text { " already" } else { "" };
    if agents.is_empty() && agents_report(home) {
        output::note(format!(
            "note: agents report here, and none is {called}'s: {called} can approve what each of them asks for; `--agents` names theirs"
        ));
    }
    let path = files.path.display();
    after(global, &told, &format!("{called} may{already} approve by key {fingerprint}, as {path} says"))
}

/// Whether a task of an agent is on record; where the store can't be read, nothing is known of any.
fn agents_report(home: &Home) -> bool {
    let tasks = Reader::open(&home.store()).and_then(|store| store.tasks(&TaskFilter::default(), TASKS_MAX));
    tasks.is_ok_and(|tasks| tasks.iter().any(|task| task.owner.is_some()))
}

/// A name that says one person, and needs no quotation marks that a form may lose.
fn named(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/@+-".contains(c);
    if !name.is_empty() && name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, format!("`{name}` is not a name for an owner"))
        .hint("use letters, digits and `._:/@+-`, as in `ann@example.org`"))
}

/// The line is for approvals alone, wherever else the file is used.
fn with_line(text: &str, name: &str, public: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{name} namespaces=\"{NAMESPACE}\" {}\n", public.trim())
}

/// What a `.pub` file says.
fn public(path: &Path) -> Result<String, Failure> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, format!("`{}` {why}", path.display()))
            .hint("name the `.pub` file of an SSH key; `ssh-keygen -y -f KEY > KEY.pub` makes it anew")
    };
    let mut text = String::new();
    let file = File::open(path).map_err(|error| wrong(format!("can't be read: {error}")))?;
    file.take(PUBLIC_KEY_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| wrong(format!("can't be read: {error}")))?;
    if text.contains("PRIVATE KEY") {
        return Err(wrong("is a private key; only the public one is needed here".to_owned()));
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(line.to_owned()),
        _ => Err(wrong("is not one public key".to_owned())),
    }
}

/// Has `ssh-keygen` make a key; its public half.
fn made(path: &Path, name: &str, args: &AddArgs) -> Result<String, Failure> {
    let wrong = |why: String, hint: &str| {
        Failure::new(Exit::Usage, format!("no key is made at `{}`: {why}", path.display())).hint(hint)
    };
    if path.exists() {
        return Err(wrong(
            "something is there already".to_owned(),
            "name another place, or its `.pub` file with `--key`",
        ));
    }
    // Without a terminal `ssh-keygen` would take that for an empty passphrase.
    if !args.no_passphrase && !std::io::stdin().is_terminal() {
        return Err(wrong(
            "there is no terminal to ask for its passphrase on".to_owned(),
            "run this in a terminal, or take the risk that docs/approvals.md names with `--no-passphrase`",
        ));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
            wrong(format!("its folder can't be made: {error}"), "name another place, or make the folder")
        })?;
    }
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", if args.hardware { "ed25519-sk" } else { "ed25519" }, "-C", name, "-f"]).arg(path);
    if args.no_passphrase {
        keygen.args(["-N", ""]).stdin(Stdio::null());
    }
    let done = keygen
        .status()
        .map_err(|error| wrong(format!("`ssh-keygen` can't be run: {error}"), "install OpenSSH 8.2 or later"))?;
    if !done.success() {
        return Err(wrong("`ssh-keygen` made none".to_owned(), "see above what it says"));
    }
    let mut public_path = path.as_os_str().to_owned();
    public_path.push(".pub");
    public(Path::new(&public_path))
}
