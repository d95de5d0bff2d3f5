//! Attacks by someone who rewrites whole files, with and without the signing key; each is found and named.

use candor_audit::{
    bundle::{
        archive::{ArchiveReader, ArchiveWriter},
        manifest::{Headers, Selection},
        verdict::Class,
        verify::{Trust, verify},
    },
    sign::key::NodeKey,
};

use super::log::{Made, Plan, bundle, checked, made, task};

type Files = Vec<(String, Vec<u8>)>;

fn unpack(bytes: &[u8]) -> Files {
    let mut reader = ArchiveReader::new(bytes);
    let mut files = Vec::new();
    while let Some(member) = reader.next_member().unwrap() {
        files.push((member.name, reader.content(1 << 30).unwrap()));
    }
    files
}

fn pack(files: &Files) -> Vec<u8> {
    let mut archive = ArchiveWriter::new(Vec::new());
    files.iter().for_each(|(name, content)| archive.add(name, content).unwrap());
    archive.finish().unwrap()
}

fn honest() -> Files {
    unpack(&bundle(&made(20), &Plan::of(task(Headers::Range))))
}

/// The class and place of what is found after `change`.
fn after(change: impl FnOnce(&mut Files)) -> (Class, String) {
    let mut files = honest();
    change(&mut files);
    let finding = checked(&pack(&files), &[]).unwrap_err();
    (finding.class, finding.place)
}

fn place(files: &Files, name: &str) -> usize {
    files.iter().position(|(at, _)| at.ends_with(name)).unwrap()
}

#[test]
fn without_the_key_each_change_of_a_file_is_named() {
    let artifact = "state/long-task-watchdog-events/e-7.json";
    for (name, class) in [
        ("manifest.json", Class::Changed),
        ("manifest.dsse.json", Class::Signature),
        ("checkpoint.txt", Class::Changed),
        ("records.jsonl", Class::Changed),
        ("nodes.txt", Class::Changed),
        ("openings.jsonl", Class::Changed),
        ("SHA256SUMS", Class::Changed),
        (artifact, Class::Changed),
    ] {
        let found = after(|files| {
            let at = place(files, name);
            let content = &mut files[at].1;
            let last = content.len() - 3;
            content[last] ^= 1;
        });
        assert_eq!(found, (class, name.to_owned()));
    }
}

#[test]
fn a_missing_an_added_a_doubled_and_a_moved_artifact_are_told_apart() {
    let e7 = "state/long-task-watchdog-events/e-7.json";
    let e10 = "state/long-task-watchdog-events/e-10.json";
    let missing = after(|files| drop(files.remove(place(files, "e-7.json"))));
    assert_eq!(missing, (Class::Missing, e7.to_owned()));
    let last = after(|files| drop(files.pop()));
    assert_eq!(last, (Class::Missing, "state/long-task-watchdog-events/e-19.json".to_owned()));
    let added = after(|files| files.insert(9, ("state/x.json".into(), b"{}".to_vec())));
    assert_eq!(added, (Class::Foreign, "state/x.json".to_owned()));
    let added = after(|files| files.push(("state/x.json".into(), b"{}".to_vec())));
    assert_eq!(added, (Class::Foreign, "state/x.json".to_owned()));
    let doubled = after(|files| {
        let at = place(files, "e-7.json");
        let twin = files[at].clone();
        files.insert(at, twin);
    });
    assert_eq!(doubled, (Class::Inserted, e7.to_owned()));
    let moved = after(|files| {
        let (one, other) = (place(files, "e-7.json"), place(files, "e-10.json"));
        files.swap(one, other);
    });
    assert_eq!(moved, (Class::Reordered, e7.to_owned()), "{e10}");
    let front = after(|files| files.insert(0, ("README".into(), b"hello".to_vec())));
    assert_eq!(front, (Class::Foreign, "manifest.json".to_owned()));
}

#[test]
fn another_key_signs_nothing_here() {
    let bytes = bundle(&made(20), &Plan::of(task(Headers::Range)));
    for other in [NodeKey::from_seed("candor-node-7", &[8; 32]), NodeKey::from_seed("candor-node-8", &[7; 32])] {
        let key = other.unwrap().public();
        let failure = verify(&bytes.as_slice(), &Trust { key: &key, known: &[], copier: None }).unwrap_err();
        assert!(failure.to_string().starts_with("not signed"), "{failure}");
    }
}

/// What is found in the bundle of a signer who made it from `forged` and signs the head of the honest log.
fn forged(honest: &Made, forged: &Made, selection: Selection) -> (Class, String) {
    // The forger keeps the head that others know, and shows other records for it.
    let known = honest.head(honest.records.len());
    let finding = checked(&bundle(forged, &Plan::of(selection)), &[known]).unwrap_err();
    (finding.class, finding.place)
}

#[test]
fn with_the_key_a_rewritten_log_is_not_the_one_that_is_known() {
    let honest = made(20);
    let mut rewritten = honest.clone();
    let twin = made(21).records.pop().unwrap();
    rewritten.records[10] = super::log::made(11).records.pop().unwrap();
    assert_eq!(rewritten.records[10].sealed, honest.records[10].sealed, "the log is made the same each time");
    rewritten.records[19] = twin;
    rewritten.records[19] = {
        let mut last = honest.records[18].clone();
        last.header.index = 19;
        last.sealed.header_line = last.header.line();
        last.sealed.leaf_hash = candor_audit::merkle::log_leaf(&last.sealed.header_line);
        last
    };
    let selection = Selection::Correlation { correlation_id: "c-1".into(), headers: Headers::Range };
    assert_eq!(forged(&honest, &rewritten, selection), (Class::Forked, "nodes.txt".to_owned()));
}

#[test]
fn with_the_key_a_cut_log_is_shorter_than_the_one_that_is_known() {
    let honest = made(20);
    let mut cut = honest.clone();
    cut.records.truncate(17);
    assert_eq!(forged(&honest, &cut, task(Headers::Range)), (Class::Truncated, "checkpoint.txt".to_owned()));
}

#[test]
fn with_the_key_a_record_of_the_task_is_not_left_out_between_others() {
    // The chosen record 7 is passed off as one of those that aren't shown.
    let mut made = made(20);
    let hidden = made.records[7].clone();
    made.records[7].header.task.as_mut().unwrap().task_id = "elsewhere".into();
    made.records[7].sealed.header_line = hidden.sealed.header_line.clone();
    let finding = checked(&bundle(&made, &Plan::of(task(Headers::Selected))), &[]).unwrap_err();
    assert_eq!((finding.class, finding.place.as_str()), (Class::Missing, "state/long-task-watchdog-events/e-10.json"));
    // With all headers shown its header gives it away.
    let finding = checked(&bundle(&made, &Plan::of(task(Headers::Range))), &[]).unwrap_err();
    assert_eq!((finding.class, finding.place.as_str()), (Class::Missing, "state/long-task-watchdog-events/e-7.json"));
}

#[test]
fn with_the_key_the_last_record_can_be_left_out_of_selected_headers_only() {
    let mut made = made(20);
    made.records[19].header.task.as_mut().unwrap().task_id = "elsewhere".into();
    let finding = checked(&bundle(&made, &Plan::of(task(Headers::Range))), &[]).unwrap_err();
    assert_eq!(finding.class, Class::Missing);
    // The hole that the verdict speaks of.
    let verdict = checked(&bundle(&made, &Plan::of(task(Headers::Selected))), &[]).unwrap();
    assert!(verdict.not_proved.iter().any(|open| open.contains("rests on the signer")));
}

#[test]
fn with_the_key_other_content_is_not_what_the_log_recorded() {
    let mut made = made(20);
    made.records[7].sealed.body = br#"{"list":[1,{}],"n":7,"secret":"other"}"#.to_vec();
    let finding = checked(&bundle(&made, &Plan::of(task(Headers::Range))), &[]).unwrap_err();
    assert_eq!((finding.class, finding.place.as_str()), (Class::Changed, "state/long-task-watchdog-events/e-7.json"));
    assert!(finding.words.contains("not what was recorded"), "{finding}");
}
