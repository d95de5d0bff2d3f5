//! Shapes held against a text, as it is and as it is encoded.

use std::{collections::BTreeSet, ops::Range};

use base64::{Engine as _, alphabet, engine::GeneralPurpose, engine::general_purpose::GeneralPurposeConfig};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::{Finding, Kind, ShapesError};

/// The shapes.
const SHAPES: &str = include_str!("shapes.txt");
/// Largest compiled form of one shape, and of all together, in bytes.
const COMPILED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What the search for all shapes at once may keep of its states, in bytes: with less it starts over again and again, and takes many times as long.
const STATES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often something may be encoded in something that is encoded.
const DEPTH_MAX: usize = 2;
/// Shortest run of letters that is looked at as base64 or hexadecimal of something, in bytes.
const RUN_BYTES_MIN: usize = 16;
/// Shortest text that a secret's shape can fit, in bytes: `a+://b:cde@`.
const SECRET_BYTES_MIN: usize = 11;
/// Base64 whose rest, where it was cut, is left aside.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// What finds what is never displayed.
#[derive(Clone, Debug)]
pub struct Scanner {
    names: Vec<(Kind, &'static str)>,
    shapes: Vec<Regex>,
    any: RegexSet,
    /// Shortest text that is looked at, in bytes.
    bytes_min: usize,
}

/// A secret that was found, with its text: for whoever must find it again in other forms to take it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// The shape's name.
    pub rule: &'static str,
    /// The secret itself, decoded where it was encoded. Never shown.
    pub text: Vec<u8>,
}

/// A match in some layer of a text: the shape, its place in the outermost text, and what matched.
type Match<'a> = (usize, Range<usize>, &'a [u8]);

impl Scanner {
    /// Every shape.
    ///
    /// # Errors
    /// See [`ShapesError`].
    pub fn every() -> Result<Self, ShapesError> {
        Self::of(|_| true, 1)
    }

    /// The shapes of secrets alone.
    ///
    /// # Errors
    /// See [`ShapesError`].
    pub fn secrets() -> Result<Self, ShapesError> {
        Self::of(|kind| kind == Kind::Secret, SECRET_BYTES_MIN)
    }

    fn of(wanted: impl Fn(Kind) -> bool, bytes_min: usize) -> Result<Self, ShapesError> {
        let wrong = |error: regex::Error| ShapesError(error.to_string());
        let rules: Vec<(Kind, &str, &str)> = shapes()?.into_iter().filter(|(kind, ..)| wanted(*kind)).collect();
        let one = |shape: &str| RegexBuilder::new(shape).unicode(false).size_limit(COMPILED_BYTES_MAX).build();
        let compiled = rules.iter().map(|(.., shape)| one(shape)).collect::<Result<_, _>>().map_err(wrong)?;
        let any = RegexSetBuilder::new(rules.iter().map(|(.., shape)| shape))
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(STATES_BYTES_MAX)
            .build()
            .map_err(wrong)?;
        let names = rules.iter().map(|(kind, name, _)| (*kind, *name)).collect();
        Ok(Self { names, shapes: compiled, any, bytes_min })
    }

    /// The shapes that are looked for, by kind and name.
    #[must_use]
    pub fn rules(&self) -> &[(Kind, &'static str)] {
        &self.names
    }

    /// What is found in a text, as it is or encoded, in the order of the places. Never its text.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let mut found = BTreeSet::new();
        self.each(text.as_bytes(), &mut |(rule, at, _)| {
            if let Some((kind, rule)) = self.names.get(rule).copied() {
                found.insert((at.start, at.end, kind, rule));
            }
        });
        let whole = |(start, end, kind, rule)| Finding { kind, rule, at: letters(text, start..end) };
        found.into_iter().map(whole).collect()
    }

    /// The secrets in a text, as it is or encoded, with their own texts.
    #[must_use]
    pub fn texts(&self, text: &[u8]) -> BTreeSet<Secret> {
        let mut found = BTreeSet::new();
        self.each(text, &mut |(rule, _, text)| {
            if let Some((_, rule)) = self.names.get(rule).copied() {
                found.insert(Secret { rule, text: text.to_vec() });
            }
        });
        found
    }

    fn each(&self, text: &[u8], found: &mut dyn FnMut(Match<'_>)) {
        if text.len() >= self.bytes_min {
            self.each_at(text, 0, found);
        }
    }

    fn each_at(&self, text: &[u8], depth: usize, found: &mut dyn FnMut(Match<'_>)) {
        for rule in self.any.matches(text) {
            let Some(shape) = self.shapes.get(rule) else { continue };
            shape.find_iter(text).for_each(|one| found((rule, one.range(), one.as_bytes())));
        }
        if depth == DEPTH_MAX {
            return;
        }
        for layer in decoded(text) {
            self.each_at(&layer.text, depth + 1, &mut |(rule, at, text)| found((rule, layer.place(&at), text)));
        }
    }
}

/// The shapes with their kinds, as they stand in the file.
fn shapes() -> Result<Vec<(Kind, &'static str, &'static str)>, ShapesError> {
    let (mut kind, mut all) = (None, Vec::new());
    for line in SHAPES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let wrong = || ShapesError(line.to_owned());
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(name) => kind = Some(Kind::parse(name).ok_or_else(wrong)?),
            None => {
                let (name, shape) = line.split_once(' ').ok_or_else(wrong)?;
                all.push((kind.ok_or_else(wrong)?, name, shape));
            }
        }
    }
    Ok(all)
}

/// The place, widened to whole letters.
fn letters(text: &str, at: Range<usize>) -> Range<usize> {
    let start = (0..=at.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (at.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}

/// What a text could be an encoding of.
#[derive(Default)]
struct Layer {
    text: Vec<u8>,
    /// Where each part begins in this text, and what it was made of, in order.
    parts: Vec<(usize, Range<usize>)>,
}

impl Layer {
    fn push(&mut self, part: &[u8], of: Range<usize>) {
        if !self.text.is_empty() {
            self.text.push(b'\n');
        }
        self.parts.push((self.text.len(), of));
        self.text.extend_from_slice(part);
    }

    /// What stands at a place here was made of this.
    fn place(&self, at: &Range<usize>) -> Range<usize> {
        let first = self.parts.partition_point(|(start, _)| *start <= at.start).saturating_sub(1);
        let after = self.parts.partition_point(|(start, _)| *start < at.end);
        let made = self.parts.get(first..after.max(first + 1)).unwrap_or_default();
        let start = made.first().map_or(0, |(_, of)| of.start);
        start..made.last().map_or(start, |(_, of)| of.end)
    }
}

/// What a text could be an encoding of, part by part: URL-encoded, escaped, hexadecimal, base64 in both alphabets, from whichever letter on.
fn decoded(text: &[u8]) -> Vec<Layer> {
    let mut all = Vec::new();
    if text.contains(&b'%') {
        all.push(unescaped(text, percent));
    }
    if text.contains(&b'\\') {
        all.push(unescaped(text, backslash));
    }
    let hex = runs(text, u8::is_ascii_hexdigit);
    for from in 0..2 {
        all.push(each_run(text, &hex, |run| hex_decoded(run.get(from..).unwrap_or_default())));
    }
    let base64 = runs(text, |byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte));
    for from in 0..4 {
        all.push(each_run(text, &base64, |run| base64_decoded(run.get(from..).unwrap_or_default())));
    }
    all.retain(|layer| layer.text.len() >= RUN_BYTES_MIN / 2);
    all
}

/// The places of runs of such letters, of the least length.
fn runs(text: &[u8], fits: fn(&u8) -> bool) -> Vec<Range<usize>> {
    let (mut all, mut start) = (Vec::new(), 0);
    for run in text.split(|byte| !fits(byte)) {
        if run.len() >= RUN_BYTES_MIN {
            all.push(start..start + run.len());
        }
        start += run.len() + 1;
    }
    all
}

fn each_run(text: &[u8], runs: &[Range<usize>], decode: impl Fn(&[u8]) -> Vec<u8>) -> Layer {
    let mut layer = Layer::default();
    for at in runs {
        layer.push(&decode(text.get(at.clone()).unwrap_or_default()), at.clone());
    }
    layer
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Takes the next byte of a text, or of what stands for one, and says what is left.
type Step = fn(&[u8]) -> Option<(u8, &[u8])>;

/// Word by word, so that a place is known to the word.
fn unescaped(text: &[u8], step: Step) -> Layer {
    let (mut layer, mut at) = (Layer::default(), 0);
    for word in text.split_inclusive(u8::is_ascii_whitespace) {
        layer.parts.push((layer.text.len(), at..at + word.len()));
        at += word.len();
        let mut rest = word;
        while let Some((byte, after)) = step(rest) {
            layer.text.push(byte);
            rest = after;
        }
    }
    layer
}

fn percent(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'%', high, low, rest @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
            Some((digit(*high)? << 4 | digit(*low)?, rest))
        }
        _ => text.split_first().map(|(byte, rest)| (*byte, rest)),
    }
}

/// As in a JSON string; of `\u` below 256 alone.
fn backslash(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'\\', b'n', rest @ ..] => Some((b'\n', rest)),
        [b'\\', b'r' | b't', rest @ ..] => Some((b' ', rest)),
        [b'\\', b'u', b'0', b'0', high, low, rest @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
            Some((digit(*high)? << 4 | digit(*low)?, rest))
        }
        [b'\\', quoted @ (b'"' | b'\'' | b'/' | b'\\'), rest @ ..] => Some((*quoted, rest)),
        _ => text.split_first().map(|(byte, rest)| (*byte, rest)),
    }
}

fn hex_decoded(run: &[u8]) -> Vec<u8> {
    run.as_chunks::<2>().0.iter().filter_map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn base64_decoded(run: &[u8]) -> Vec<u8> {
    let standard: Vec<u8> = run
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect();
    // One letter alone says nothing.
    let whole = if standard.len() % 4 == 1 { standard.len() - 1 } else { standard.len() };
    BASE64.decode(standard.get(..whole).unwrap_or_default()).unwrap_or_default()
}
