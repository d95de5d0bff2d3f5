//! Every limit on what comes from outside, with its unit. `docs/limits.md` lists them for users.

use std::time::Duration;

/// Largest event accepted, in bytes of JSON.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// Largest batch of events accepted in one request, in events.
pub const EVENT_BATCH_MAX: usize = 256;
/// Largest request body, in bytes.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deepest nesting of JSON accepted, in levels.
pub const JSON_DEPTH_MAX: usize = 32;
/// Longest identifier (task, agent, correlation, target), in bytes.
pub const ID_BYTES_MAX: usize = 128;
/// Longest one-line text (a name, a title, a reason), in bytes.
pub const LINE_BYTES_MAX: usize = 512;
/// Longest free text (a notice's body, a summary), in bytes.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Most signals that one task may declare.
pub const SIGNALS_MAX: usize = 16;
/// Most targets that one notice may go to.
pub const TARGETS_MAX: usize = 32;
/// Most evidence records that one task may hold.
pub const EVIDENCE_PER_TASK_MAX: usize = 1_000;
/// Most claims that one evidence record may support.
pub const SUPPORTS_MAX: usize = 16;
/// Shortest checkpoint period.
pub const PERIOD_MIN: Duration = Duration::from_secs(1);
/// Longest checkpoint period, grace or expected duration: 366 days.
pub const PERIOD_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// Longest time that a tool call in flight silences the watchdog, whatever it declares.
pub const TOOL_CALL_MAX: Duration = Duration::from_secs(2 * 3600);
/// Longest provider answer kept in a receipt, in bytes, after redaction.
pub const RAW_ANSWER_BYTES_MAX: usize = 512;
/// Most deliveries folded into one digest.
pub const DIGEST_MEMBERS_MAX: usize = 50;
/// Longest time that an approval may open a gate for: 31 days.
pub const GATE_OPEN_MAX: Duration = Duration::from_secs(31 * 24 * 3600);
/// Highest escalation level of an incident.
pub const ESCALATION_LEVELS_MAX: usize = 8;
/// Furthest that an event's own `time` may lie ahead of this machine's clock before it is refused.
pub const EVENT_FUTURE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Shortest window that contents are kept for: an hour.
pub const KEEP_FOR_MIN: Duration = Duration::from_secs(3600);
/// Largest profile or capability descriptor, in bytes.
pub const PROFILE_BYTES_MAX: usize = 64 * 1024;
/// Longest time that one capability probe may take.
pub const PROBE_TIME_MAX: Duration = Duration::from_secs(5);
/// How long the result of a capability probe counts: 7 days.
pub const PROBE_COUNTS_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// Largest package manifest, in bytes.
pub const PACKAGE_MANIFEST_BYTES_MAX: usize = 1024 * 1024;
/// Most files of a package, beside its manifest and its signature.
pub const PACKAGE_FILES_MAX: usize = 1_000;
/// Largest file of a package, in bytes.
pub const PACKAGE_FILE_BYTES_MAX: usize = 1024 * 1024;
/// All files of a package together, in bytes.
pub const PACKAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most versions of packages that are kept installed.
pub const PACKAGES_MAX: usize = 16;
/// Largest approval or revocation that an owner signs, in bytes.
pub const APPROVAL_BYTES_MAX: usize = 16 * 1024;
/// Most effects that one approval may allow through one gate.
pub const APPROVAL_USES_MAX: u64 = 1_000_000;
/// Most signatures on one approval.
pub const APPROVAL_SIGNATURES_MAX: usize = 4;
/// Most fields that an approval fills in.
pub const APPROVAL_FIELDS_MAX: usize = 16;
/// Furthest that an approval's beginning may lie ahead: 31 days.
pub const APPROVAL_AHEAD_MAX: Duration = Duration::from_secs(31 * 24 * 3600);
/// How long approvals may be given under a package, from when it was built: 7 days.
pub const PACKAGE_REVIEW_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Largest approval package or other document of the approval chain, in bytes of JSON with its evidence.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// Most packets of an approval package that are read.
pub const PACKETS_MAX: usize = 64;
/// Most rejections that stand against an approval package.
pub const REJECTIONS_MAX: usize = 200;
/// Most pieces of work that wait for a gate; what is wanted beyond that is refused.
pub const WORK_PENDING_MAX: u64 = 10_000;
/// Most requests of agents that wait for an owner; beyond that they are refused.
pub const REQUESTS_OPEN_MAX: usize = 200;
/// Largest `allowed_signers` file, in bytes.
pub const ALLOWED_SIGNERS_BYTES_MAX: usize = 64 * 1024;
/// Most keys of owners in an `allowed_signers` file.
pub const OWNER_KEYS_MAX: usize = 128;
/// Largest SSH signature of an owner, in bytes of armored text.
pub const SSH_SIGNATURE_BYTES_MAX: usize = 8 * 1024;
/// How long a rollback drill counts: 30 days.
pub const DRILL_COUNTS_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// Largest catalogue of approvals, in bytes.
pub const CATALOGUE_BYTES_MAX: usize = 64 * 1024;
/// Most items in one list of a catalogue of approvals.
pub const CATALOGUE_LIST_MAX: usize = 32;
/// Largest document that `candor approval validate` reads, in bytes.
pub const VALIDATE_BYTES_MAX: u64 = 16 * 1024 * 1024;
