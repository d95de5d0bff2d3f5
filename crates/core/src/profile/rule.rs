//! The rules that every profile keeps, by name, and what is wrong where one is broken.

use std::fmt;

use thiserror::Error;

use crate::{decision::words, pack::Position};

words! {
    /// A rule that a profile or descriptor broke.
    Rule {
        /// The document reads strictly and is what it says it is.
        WellFormed = "well_formed",
        /// It fits this package.
        PackageVersion = "package_version",
        /// It names only what exists.
        KnownNames = "known_names",
        /// A value lies inside its bounds.
        WithinBounds = "within_bounds",
        /// Strengthening is always allowed; relaxing only where a range is declared.
        RelaxOnlyWhereDeclared = "relax_only_where_declared",
        /// Nobody changes contracts, schemas or rules by a profile.
        ContractsAreFixed = "contracts_are_fixed",
        /// A capability is supported only when a probe showed it.
        CapabilitiesAreProbed = "capabilities_are_probed",
        /// `acked` needs the destination's proof.
        AckedNeedsProof = "acked_needs_proof",
        /// Evidence strength is computed.
        StrengthIsComputed = "strength_is_computed",
        /// Gates are opened by a person, one at a time.
        GatesStayClosed = "gates_stay_closed",
        /// Every notice passes the durable queue.
        QueueIsKept = "queue_is_kept",
        /// A target uses only what the profile lets out.
        SenderModes = "sender_modes",
    }
}

impl Rule {
    /// What the rule says, for an error.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::WellFormed => "a document is read strictly",
            Self::PackageVersion => "a profile fits the package that it was written for",
            Self::KnownNames => "a profile names only what exists",
            Self::WithinBounds => "a value lies inside its bounds",
            Self::RelaxOnlyWhereDeclared => "strengthening is always allowed, relaxing only where a range is declared",
            Self::ContractsAreFixed => "a profile tunes; it never changes contracts, schemas or rules",
            Self::CapabilitiesAreProbed => "a capability is supported only when a probe showed it",
            Self::AckedNeedsProof => "`acked` needs the destination's own proof",
            Self::StrengthIsComputed => "the strength of evidence is computed, never given",
            Self::GatesStayClosed => "a gate is opened by a person, with a reason and an end",
            Self::QueueIsKept => "every notice passes the durable queue",
            Self::SenderModes => "a target uses only the senders that the profile lets out",
        }
    }

    /// The rule that a field or word breaks just by being there.
    pub(super) fn broken_by(word: &str) -> Option<Self> {
        Some(match word {
            "contracts" | "schemas" | "schema" | "rules" | "verdicts" | "states" | "delivery_states" => {
                Self::ContractsAreFixed
            }
            "supported" | "capabilities" | "supports" | "capability" => Self::CapabilitiesAreProbed,
            "prepared"
            | "queued"
            | "dispatched"
            | "pending_external_send"
            | "accepted_by_relay"
            | "relayed"
            | "none"
            | "exit_code"
            | "acked"
            | "acked_on"
            | "acked_when"
            | "treat_as_acked"
            | "ack"
            | "proof" => Self::AckedNeedsProof,
            "strength" | "evidence_strength" | "strengths" => Self::StrengthIsComputed,
            "gates" | "gate" | "open_gates" | "permits" | "approvals" => Self::GatesStayClosed,
            _ => return None,
        })
    }
}

/// One thing that is wrong with a profile or descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ProfileError {
    /// The file, or the layer that set the value.
    pub file: String,
    /// Where in the file, when that is known.
    pub at: Option<Position>,
    /// The rule that was broken.
    pub rule: Rule,
    /// The field that it is about.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ProfileError {
    pub(crate) fn new(file: &str, rule: Rule, key: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), at: None, rule, key: key.to_owned(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(at) = self.at {
            write!(f, ":{at}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        match self.rule {
            Rule::WellFormed => Ok(()),
            rule => write!(f, " (rule `{}`: {})", rule.as_str(), rule.says()),
        }
    }
}

/// Everything that is wrong, in order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ProfileErrors(pub Vec<ProfileError>);

impl fmt::Display for ProfileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl ProfileErrors {
    /// Nothing when there are no errors; all of them, each with its place in the text, otherwise.
    pub(crate) fn check(errors: Vec<ProfileError>, text: &str) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self(errors).placed(text)) }
    }

    /// The same, each with the place of the field that it is about.
    #[must_use]
    pub fn placed(mut self, text: &str) -> Self {
        for error in self.0.iter_mut().filter(|error| error.at.is_none() && !error.key.is_empty()) {
            // The last part of a path such as `thresholds.completion_min_strength` is what stands in the file.
            let key = error.key.rsplit('.').next().unwrap_or_default();
            let offset = text.find(&format!("{key}:")).or_else(|| text.find(key));
            error.at = offset.map(|offset| Position::of(text, offset));
        }
        self
    }
}
