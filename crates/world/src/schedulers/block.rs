//! A marked block in another program's text, put in and taken out again without touching anything else.

/// What begins a block, before its name.
const BEGIN: &str = "# >>> ";
/// What ends a block, before its name.
const END: &str = "# <<< ";
/// Said in the first marker where the text before had no line break at its end, so that it can be given back as it was.
const JOINED: &str = " (joined)";
/// Said in the first marker for people.
const WORDS: &str = ": made by `candor deploy activate`, taken out by `candor deploy deactivate`";

/// Whether a text has a block of that name; an error where its marks are not one pair in order, for then nobody knows what is between them.
pub(super) fn is_there(text: &str, name: &str) -> Result<bool, ()> {
    let marks: Vec<bool> = text
        .lines()
        .filter_map(|line| if is(line, BEGIN, name) { Some(true) } else { is(line, END, name).then_some(false) })
        .collect();
    match marks.as_slice() {
        [] => Ok(false),
        [true, false] => Ok(true),
        _ => Err(()),
    }
}

/// Whether a line is a mark of that block.
fn is(line: &str, mark: &str, name: &str) -> bool {
    let rest = line.strip_prefix(mark).and_then(|rest| rest.strip_prefix(name));
    rest.is_some_and(|rest| rest.trim_end().is_empty() || rest.starts_with(JOINED) || rest.starts_with(':'))
}

/// Puts a block at the end of a text, or in the place of the one of that name. `body` is lines.
pub(super) fn insert(text: &str, name: &str, body: &str) -> String {
    let lines: String = body.lines().map(|line| format!("{line}\n")).collect();
    if let Some((before, inside, after)) = find(text, name) {
        let marker = inside.lines().next().unwrap_or_default();
        return format!("{before}{marker}\n{lines}{END}{name}\n{after}");
    }
    let joined = !text.is_empty() && !text.ends_with('\n');
    let (line_break, said) = if joined { ("\n", JOINED) } else { ("", "") };
    format!("{text}{line_break}{BEGIN}{name}{said}{WORDS}\n{lines}{END}{name}\n")
}

/// The text without the block of that name; nothing where there is none.
pub(super) fn remove(text: &str, name: &str) -> Option<String> {
    let (before, inside, after) = find(text, name)?;
    let joined = inside.lines().next().unwrap_or_default().starts_with(&format!("{BEGIN}{name}{JOINED}"));
    // Where others added lines after it since, the line break is theirs too.
    let before = if joined && after.is_empty() { before.strip_suffix('\n').unwrap_or(before) } else { before };
    Some(format!("{before}{after}"))
}

/// The lines between the markers.
pub(super) fn body(text: &str, name: &str) -> Option<String> {
    let (_, inside, _) = find(text, name)?;
    let lines: Vec<&str> = inside.lines().collect();
    let lines = lines.get(1..lines.len().saturating_sub(1))?;
    Some(lines.iter().map(|line| format!("{line}\n")).collect())
}

/// What stands before the block, the block with its markers, and what stands after it.
fn find<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (mut at, mut begun) = (0, None);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        match begun {
            None if is(line, BEGIN, name) => begun = Some(at),
            Some(begun) if is(line, END, name) => {
                return Some((text.get(..begun)?, text.get(begun..end)?, text.get(end..)?));
            }
            _ => {}
        }
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What was there before is there again, byte for byte.
        #[test]
        fn out_is_as_before(text in "([ -~é]{0,20}\n?){0,5}", body in "[ -~]{1,30}(\n[ -~]{1,30}){0,2}") {
            let body_lines: String = body.lines().map(|line| format!("{line}\n")).collect();
            let with = insert(&text, "candor-1", &body);
            prop_assert_eq!(super::body(&with, "candor-1"), Some(body_lines));
            prop_assert_eq!(remove(&with, "candor-1"), Some(text.clone()));
            prop_assert_eq!(insert(&with, "candor-1", &body), with.clone());
            let other = insert(&with, "candor-1", "another\n");
            prop_assert_eq!(remove(&other, "candor-1"), Some(text));
        }
    }

    #[test]
    fn two_deployments_do_not_touch_each_other() {
        let both = insert(&insert("a\n", "candor", "one"), "candor-2", "two");
        assert_eq!(remove(&both, "candor").as_deref(), Some(insert("a\n", "candor-2", "two").as_str()));
        assert_eq!(remove(&both, "candor-2").as_deref(), Some(insert("a\n", "candor", "one").as_str()));
        assert_eq!(remove(&both, "candor-3"), None);
    }

    #[test]
    fn marks_that_are_not_one_pair_are_told() {
        let with = insert("mine\n", "candor", "body");
        assert_eq!((is_there("mine\n", "candor"), is_there(&with, "candor")), (Ok(false), Ok(true)));
        assert_eq!(is_there(&with, "candor-2"), Ok(false));
        let cut = with.replace("# <<< candor\n", "");
        for wrong in [cut.clone(), format!("{with}{with}"), format!("{cut}0 2 * * * theirs\n{with}")] {
            assert_eq!(is_there(&wrong, "candor"), Err(()), "{wrong}");
        }
    }

    #[test]
    fn what_others_add_stays() {
        let with = insert("no line break", "candor", "mine");
        let theirs = format!("{with}theirs\n");
        assert_eq!(remove(&theirs, "candor").as_deref(), Some("no line break\ntheirs\n"));
        assert_eq!(remove("# >>> candor: begun and never ended\n", "candor"), None);
    }
}
