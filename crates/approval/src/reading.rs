//! What a readback plan read, before anything of it is kept: each row has the fields that the plan needs, and nothing that is never
//! displayed.

use std::{collections::BTreeMap, fmt};

use candor_core::{
    catalogue::PlanEntry,
    disclosure::{self, Kind},
};

/// Most reasons that are told, of each sort.
const TOLD_MAX: usize = 10;

/// One thing that was asked about, with what was said of it: fields by name.
pub type Row = BTreeMap<String, String>;

/// Why nothing of a reading is kept. Never holds what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// The answers name nothing of what was asked about.
    Nothing {
        /// How many things were asked about.
        asked: usize,
    },
    /// A row lacks a field that the plan needs.
    Missing {
        /// Which row, from 1 on.
        row: usize,
        /// The field.
        field: String,
    },
    /// A row holds what is never displayed.
    Found {
        /// Which row, from 1 on.
        row: usize,
        /// Where in it.
        field: String,
        /// What.
        kind: Kind,
    },
    /// An answer held what is never displayed, in a field that the plan needs.
    InAnswer {
        /// What.
        kind: Kind,
        /// How often.
        times: u64,
    },
}

impl fmt::Display for Unkept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing { asked } => write!(f, "no answer names any of the {asked} that were asked about"),
            Self::Missing { row, field } => write!(f, "row {row} has no `{field}`"),
            Self::Found { row, field, kind } => {
                write!(f, "`{field}` of row {row} holds what looks like {}", kind.words())
            }
            Self::InAnswer { kind, times } => {
                write!(f, "an answer holds what looks like {} in a field that is needed, {times} times", kind.words())
            }
        }
    }
}

/// Whether these rows may be kept. `asked` is how many things were asked about, `found` what was found in answers while they were read.
///
/// # Errors
/// Why nothing of it may: every reason, up to a bound.
pub fn check(plan: &PlanEntry, asked: usize, rows: &[Row], found: &BTreeMap<Kind, u64>) -> Result<(), Vec<Unkept>> {
    let of_answers = found.iter().filter(|(kind, _)| plan.redaction_checks.contains(kind));
    let mut why: Vec<Unkept> =
        of_answers.map(|(kind, times)| Unkept::InAnswer { kind: *kind, times: *times }).collect();
    if rows.is_empty() && asked > 0 {
        why.push(Unkept::Nothing { asked });
    }
    let numbered = || rows.iter().enumerate().map(|(place, row)| (place.saturating_add(1), row));
    let missing = numbered().flat_map(|(no, row)| {
        let lacks = |field: &&String| row.get(*field).is_none_or(|value| value.trim().is_empty());
        plan.required_fields.iter().filter(lacks).map(move |field| Unkept::Missing { row: no, field: field.clone() })
    });
    why.extend(missing.take(TOLD_MAX));
    why.extend(numbered().flat_map(|(no, row)| forbidden(plan, no, row)).take(TOLD_MAX));
    if why.is_empty() { Ok(()) } else { Err(why) }
}

/// What a row holds that the plan looks for. A field's name isn't told where it is what was found.
fn forbidden(plan: &PlanEntry, no: usize, row: &Row) -> Vec<Unkept> {
    // Shapes that don't compile are a defect; then nothing is known to be clean.
    let Ok(scanner) = disclosure::every() else {
        return vec![Unkept::Found { row: no, field: "a field".to_owned(), kind: Kind::Secret }];
    };
    let looked_for = |text: &str| {
        let found = scanner.find(text);
        found.into_iter().map(|one| one.kind).find(|kind| plan.redaction_checks.contains(kind))
    };
    let in_field = |(name, value): (&String, &String)| {
        if let Some(kind) = looked_for(name) {
            return Some(Unkept::Found { row: no, field: "a field's name".to_owned(), kind });
        }
        // What a name makes of its value: a `password` is a credential, whatever it is.
        let kind = looked_for(value).or_else(|| looked_for(&format!("{name}: {value}")))?;
        Some(Unkept::Found { row: no, field: name.clone(), kind })
    };
    row.iter().filter_map(in_field).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use candor_core::catalogue::{CATALOGUE_FILE, CORE_CATALOGUE, parse_catalogue};

    use super::*;

    fn plans() -> Vec<PlanEntry> {
        parse_catalogue(CATALOGUE_FILE, CORE_CATALOGUE).unwrap().plans
    }

    /// A row that has what the plan needs.
    fn whole(plan: &PlanEntry) -> Row {
        plan.required_fields.iter().map(|field| (field.clone(), "t-1".to_owned())).collect()
    }

    #[test]
    fn of_every_plan_each_field_is_needed() {
        for plan in plans() {
            assert_eq!(check(&plan, 1, &[whole(&plan)], &BTreeMap::new()), Ok(()));
            for field in &plan.required_fields {
                for lacking in [None, Some(" ")] {
                    let mut row = whole(&plan);
                    row.remove(field);
                    row.extend(lacking.map(|blank| (field.clone(), blank.to_owned())));
                    let why = check(&plan, 2, &[whole(&plan), row], &BTreeMap::new()).unwrap_err();
                    assert_eq!(why, [Unkept::Missing { row: 2, field: field.clone() }]);
                }
            }
            let why = check(&plan, 3, &[], &BTreeMap::new()).unwrap_err();
            assert_eq!(why, [Unkept::Nothing { asked: 3 }]);
            assert_eq!(check(&plan, 0, &[], &BTreeMap::new()), Ok(()));
        }
    }

    #[test]
    fn what_a_plan_looks_for_keeps_all_of_it_out_and_is_not_told() {
        for plan in plans() {
            for (planted, kind) in [
                ("ghp_0123456789abcdefghijABCDEFGHIJ012345", Kind::Secret),
                ("password: hunter2-example", Kind::Credential),
            ] {
                assert!(plan.redaction_checks.contains(&kind), "{}", plan.id);
                let mut row = whole(&plan);
                row.insert("said".to_owned(), planted.to_owned());
                let why = check(&plan, 1, &[row], &BTreeMap::new()).unwrap_err();
                assert_eq!(why, [Unkept::Found { row: 1, field: "said".to_owned(), kind }], "{}", plan.id);
                let told: Vec<String> = why.iter().map(ToString::to_string).collect();
                assert!(!told.join(" ").contains(planted));
            }
            let found = BTreeMap::from([(Kind::Secret, 2)]);
            let why = check(&plan, 1, &[whole(&plan)], &found).unwrap_err();
            assert_eq!(why, [Unkept::InAnswer { kind: Kind::Secret, times: 2 }]);
        }
    }

    #[test]
    fn reasons_are_bounded() {
        let plan = plans().remove(0);
        let why = check(&plan, 999, &vec![Row::new(); 999], &BTreeMap::new()).unwrap_err();
        assert_eq!(why.len(), TOLD_MAX);
    }
}
