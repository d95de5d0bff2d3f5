//! `candor audit redact`: a copy of a finished bundle without what others shouldn't see. Its proofs still hold.

use std::{
    fs,
    io::{BufWriter, Read as _, Write},
    path::{Path, PathBuf},
};

use candor_audit::{
    bundle::{
        CHECKPOINT, NODES, RECORDS, copy,
        manifest::Derived,
        verdict::Failure as NoVerdict,
        verify::{self as check, Checked, Trust},
        write::{About, Draft, Shipped, WriteError},
    },
    header::Header,
    sign::{
        checkpoint::Checkpoint,
        key::{NodeKey, PublicKey},
    },
};
use candor_path::Act;
use clap::Args;
use serde_json::json;

use super::{
    export,
    fresh::{Fresh, digest, unwritten},
    packed::{InFile, Packing},
    redactions::Redactions,
    ssh,
    verify::{self, VerifyArgs},
};
use crate::{
    cli::Global,
    engine::{Clock, crash},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// Largest file of a signing key, in bytes.
const KEY_BYTES_MAX: u64 = 4_096;

#[derive(Debug, Args)]
pub struct RedactArgs {
    #[command(flatten)]
    bundle: VerifyArgs,
    /// The file to write; one that ends with `.zst` is packed
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write over an existing file
    #[arg(long)]
    force: bool,
    /// Take out what stands here in each record that has it, as a JSON pointer (repeatable)
    #[arg(long, value_name = "POINTER")]
    pointer: Vec<String>,
    /// Take out each value in which one of the lines of this file stands, as it is or encoded
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Take out nothing but what is named: don't look for secrets by their shape
    #[arg(long)]
    no_scan: bool,
    /// Sign the copy by the signing key in this file [default: this node's, if the bundle is of its log]
    #[arg(long, value_name = "FILE")]
    sign_with: Option<PathBuf>,
    /// Sign the finished file by this SSH key too, beside it as FILE.sig
    #[arg(long, value_name = "KEYFILE")]
    ssh_sign: Option<PathBuf>,
}

/// Writes the copy. The bundle is checked each time that it is read, and the copy before it gets its name.
pub fn run(global: &Global, args: &RedactArgs) -> Outcome {
    let mut redact = Redactions::of(&args.pointer, args.texts.as_ref(), !args.no_scan)?;
    let mut looked = Ok(());
    let look = verify::read(global, &args.bundle, &mut |seen| {
        if let (Ok(()), Some(artifact)) = (&looked, &seen.artifact) {
            looked = redact.look(artifact.body);
        }
    })?;
    let Some(original) = look else { return Ok(Exit::NotIntact) };
    looked?;
    redact.learn()?;
    let node = verify::key(&original.verdict.signed_by)?;
    let signer = Signer::of(global, args, &node)?;
    let mut copying = Copying { node, global, args, original: &original, redact, shipped: 0, removed: 0 };
    let draft = copying.draft()?;
    if let Some(pointer) = copying.redact.unmet() {
        return Err(Failure::new(Exit::Usage, format!("nothing stands at `{pointer}` in any record of the bundle"))
            .hint("`candor audit show` names what its records have; pointers look like `/event/data/text`"));
    }
    let file = Fresh::create(&args.out, args.force)?;
    copying.write(draft, &signer.key, &file)?;
    copying.redact.left_in(&file.temporary)?;
    copying.check(&signer.key, &file.temporary)?;
    let signature = args.ssh_sign.as_deref();
    let signature = signature.map(|key| ssh::sign(key, &file.temporary, &args.out, args.force)).transpose()?;
    if signer.of_this_node {
        // On record before anybody can have it.
        let (about, tree_size) = (format!("a redacted copy, {}", original.verdict.about), original.verdict.tree_size);
        let act = Act::Exported { bundle: digest(&file.temporary)?, about, records: copying.shipped, tree_size };
        export::record(global, act)?;
    }
    crash::point("export.before_keep");
    signature.map(Fresh::keep).transpose()?;
    file.keep()?;
    copying.told(&signer.key)
}

/// Who signs the copy.
struct Signer {
    key: NodeKey,
    /// Whether it is the key of this state folder.
    of_this_node: bool,
}

impl Signer {
    fn of(global: &Global, args: &RedactArgs, node: &PublicKey) -> Result<Self, Failure> {
        let home = Home::find(global.state.clone(), global.config.clone())?;
        let own = home.state.join("audit.key").exists().then(|| home.audit_key()).transpose()?;
        if let Some(path) = &args.sign_with {
            let key = read_key(path)?;
            let of_this_node = own.is_some_and(|own| own.public() == key.public());
            return Ok(Self { key, of_this_node });
        }
        match own.filter(|own| own.public() == *node) {
            Some(key) => Ok(Self { key, of_this_node: true }),
            None => Err(Failure::new(Exit::Usage, "the bundle isn't of this node's log, so somebody else must sign the copy")
                .hint("name a signing key with `--sign-with FILE`; `candor audit key` makes one as `audit.key` in the state folder")),
        }
    }
}

fn read_key(path: &Path) -> Result<NodeKey, Failure> {
    let unfit = |why: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("`{}`: {why}", path.display()));
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| unfit(&error))?;
    file.take(KEY_BYTES_MAX).read_to_string(&mut text).map_err(|error| unfit(&error))?;
    NodeKey::from_secret(text.trim()).map_err(|error| unfit(&error))
}

/// A copy in the making.
struct Copying<'a> {
    global: &'a Global,
    args: &'a RedactArgs,
    original: &'a Checked,
    /// The key of the node, which signed the log's head.
    node: PublicKey,
    redact: Redactions,
    /// How many artifacts it has.
    shipped: u64,
    /// How many pointers were removed, now or before.
    removed: u64,
}

impl Copying<'_> {
    /// Goes through the original once more. It must still be what was checked first.
    fn each(
        &mut self,
        mut on_artifact: impl FnMut(&Header, Shipped<'_>) -> Result<(), WriteError>,
    ) -> Result<(), Failure> {
        let mut went = Ok(());
        let redact = &mut self.redact;
        let (mut shipped, mut removed) = (0, 0);
        let checked = verify::read(self.global, &self.args.bundle, &mut |seen| {
            let (Ok(()), Some(artifact)) = (&went, &seen.artifact) else { return };
            went = redact.cut(artifact.body, artifact.opening, &artifact.entry.redacted).and_then(|cut| {
                shipped += 1;
                removed += cut.redacted.len() as u64;
                let artifact = Shipped { body: &cut.body, opening: cut.opening, redacted: cut.redacted };
                on_artifact(seen.header, artifact).map_err(export::unwritten)
            });
        })?;
        went?;
        (self.shipped, self.removed) = (shipped, removed);
        match checked {
            Some(again) if again.manifest == self.original.manifest => Ok(()),
            _ => Err(Failure::new(
                Exit::Usage,
                format!("`{}` changed while it was read", self.args.bundle.file.display()),
            )),
        }
    }

    fn draft(&mut self) -> Result<Draft, Failure> {
        let withheld = self.original.rest.withheld.clone();
        let mut draft = Draft::copy_of(self.file(RECORDS)?, self.file(NODES)?, withheld);
        self.each(|header, artifact| draft.ship_shown(header, artifact))?;
        Ok(draft)
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, Failure> {
        copy::file(&InFile(&self.args.bundle.file), &self.original.rest, name)
            .map_err(|failure| Failure::new(Exit::Usage, failure.to_string()))
    }

    fn about(&self, key: &NodeKey) -> About {
        let rest = self.original.rest.clone();
        About {
            selection: rest.selection,
            task_id: rest.task_id,
            correlation_id: rest.correlation_id,
            deployment_profile: rest.deployment_profile,
            capability_descriptor: rest.capability_descriptor,
            plugin_package_version: rest.plugin_package_version,
            exporter: format!("candor {}", env!("CARGO_PKG_VERSION")),
            exported_at_us: Clock::from_env().now().as_micros(),
            derived: Some(Derived { by: key.public().to_string(), of: self.original.manifest.clone() }),
        }
    }

    fn write(&mut self, draft: Draft, key: &NodeKey, file: &Fresh) -> Result<(), Failure> {
        let text = String::from_utf8(self.file(CHECKPOINT)?).unwrap_or_default();
        let head = Checkpoint::open(&text, &self.node).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        let packing = Packing::new(BufWriter::new(&file.file), &self.args.out).map_err(unwritten)?;
        let mut archive = draft.seal(self.about(key), &head, &text, key, packing).map_err(export::unwritten)?;
        self.each(|header, artifact| Ok(archive.add(&header.artifact_ref(), artifact.body)?))?;
        let packing = archive.finish().map_err(unwritten)?;
        packing.finish().and_then(|mut to| to.flush()).map_err(unwritten)
    }

    /// Holds the finished copy against the keys that its readers will have.
    fn check(&self, key: &NodeKey, copy: &Path) -> Result<(), Failure> {
        let copier = key.public();
        let trust = Trust { key: &self.node, known: &[], copier: Some(&copier) };
        match check::verify(&InFile(copy), &trust) {
            Ok(_) => Ok(()),
            Err(NoVerdict::Found(finding)) => {
                Err(Failure::new(Exit::Internal, format!("the copy isn't intact: {finding}")))
            }
            Err(NoVerdict::Unreadable(error)) => Err(unwritten(error)),
        }
    }

    fn told(&self, key: &NodeKey) -> Outcome {
        let out = &self.args.out;
        let rules: Vec<&str> = self.redact.rules().collect();
        let key = key.public().to_string();
        if self.global.json {
            output::json(&json!({
                "file": out, "artifacts": self.shipped, "removed": self.removed, "secrets": rules, "copied_by": key,
                "derived_from": self.original.manifest,
            }))?;
            return Ok(Exit::Ok);
        }
        output::line(format!("{}: {} records, {} values taken out", out.display(), self.shipped, self.removed));
        if !rules.is_empty() {
            output::line(format!("secrets were found by their shape: {}", rules.join(", ")));
        }
        let by = if key == self.node.to_string() { String::new() } else { format!(" --copied-by {key}") };
        output::line(format!("check it with: candor audit verify {} --key {}{by}", out.display(), self.node));
        Ok(Exit::Ok)
    }
}
