//! The log's headers and the roots between them, in order, as they build the tree.

use std::io::{self, BufRead};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{
    MAX_NODE_BYTES, NODES, RECORDS,
    verdict::{Class, Failure, Finding},
};
use crate::{
    header::{Header, MAX_HEADER_BYTES},
    merkle::{Frontier, Hash, Log, log_leaf},
    sign::checkpoint::Checkpoint,
};

/// Lines of bounded length.
pub(super) struct Lines<R> {
    from: R,
    file: &'static str,
    number: u64,
    max_bytes: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R, file: &'static str, max_bytes: usize) -> Self {
        Lines { from, file, number: 0, max_bytes, line: Vec::new() }
    }

    /// The next line without its newline; none at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<&[u8]>, Failure> {
        self.line.clear();
        let most = self.max_bytes as u64 + 1;
        let read = io::Read::take(&mut self.from, most).read_until(b'\n', &mut self.line);
        let read = read.map_err(Failure::io)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.line.pop() != Some(b'\n') {
            return Err(self.wrong("is too long, or has no end").into());
        }
        Ok(Some(&self.line))
    }

    pub(super) fn wrong(&self, what: &str) -> Finding {
        Finding::new(Class::Damaged, self.file, format!("line {} {what}", self.number))
    }
}

/// A subtree of which nothing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) from: u64,
    pub(super) level: u32,
    pub(super) root: Hash,
}

impl Node {
    pub(super) fn line(&self) -> String {
        format!("{} {} {}\n", self.from, self.level, STANDARD.encode(self.root))
    }

    fn parse(line: &[u8]) -> Option<Node> {
        let text = std::str::from_utf8(line).ok()?;
        let mut parts = text.splitn(3, ' ');
        let from = parts.next()?.parse().ok()?;
        let level = parts.next()?.parse().ok().filter(|level| *level < 53)?;
        let root = STANDARD.decode(parts.next()?).ok()?.try_into().ok()?;
        let node = Node { from, level, root };
        (node.line().trim_end().as_bytes() == line).then_some(node)
    }
}

/// A header with its hash in the log.
pub(super) struct Shown {
    pub(super) header: Header,
    pub(super) leaf: Hash,
}

/// The tree under construction from what a bundle shows of it.
pub(super) struct Walk<'k, R> {
    records: Lines<R>,
    nodes: Lines<R>,
    tree: Frontier<Log>,
    known: &'k [Checkpoint],
    /// Sizes of known heads that were met and fit.
    pub(super) met: Vec<u64>,
    pub(super) last: Option<u64>,
    pub(super) headers: u64,
    /// From where on every header is shown.
    pub(super) run_from: Option<u64>,
}

impl<'k, R: BufRead> Walk<'k, R> {
    pub(super) fn new(records: R, nodes: R, known: &'k [Checkpoint]) -> Self {
        Walk {
            records: Lines::new(records, RECORDS, MAX_HEADER_BYTES),
            nodes: Lines::new(nodes, NODES, MAX_NODE_BYTES),
            tree: Frontier::new(),
            known,
            met: Vec::new(),
            last: None,
            headers: 0,
            run_from: None,
        }
    }

    /// The next shown header, once the tree has grown up to it.
    pub(super) fn next_shown(&mut self) -> Result<Option<Shown>, Failure> {
        let Some(line) = self.records.next_line()? else { return Ok(None) };
        let leaf = log_leaf(line);
        let parsed = Header::parse(line).map_err(|error| error.to_string());
        let header = parsed.map_err(|error| self.records.wrong(&error))?;
        if header.index < self.tree.size() {
            return Err(self.out_of_order(&header).into());
        }
        self.grow_to(header.index)?;
        self.tree.push(leaf);
        self.meet()?;
        self.run_from = self.run_from.or(Some(header.index));
        self.last = Some(header.index);
        self.headers += 1;
        Ok(Some(Shown { header, leaf }))
    }

    fn out_of_order(&self, header: &Header) -> Finding {
        let index = header.index;
        if self.last == Some(index) {
            return Finding::new(Class::Inserted, RECORDS, format!("record {index} stands twice"));
        }
        let words = format!("record {index} stands after record {}", self.last.unwrap_or_default());
        Finding::new(Class::Reordered, RECORDS, words)
    }

    /// Takes the roots of what isn't shown before the record at `index`.
    fn grow_to(&mut self, index: u64) -> Result<(), Failure> {
        while self.tree.size() < index {
            let at = self.tree.size();
            let missing = || {
                let upto = if index == at + 1 {
                    format!("record {at} is")
                } else {
                    format!("records {at} to {} are", index - 1)
                };
                Finding::new(Class::Missing, RECORDS, format!("{upto} neither shown nor stood for by a subtree's root"))
            };
            let Some(line) = self.nodes.next_line()? else { return Err(missing().into()) };
            let Some(node) = Node::parse(line) else { return Err(self.nodes.wrong("is no subtree's root").into()) };
            self.place(node, index, missing)?;
        }
        Ok(())
    }

    fn place(&mut self, node: Node, upto: u64, missing: impl Fn() -> Finding) -> Result<(), Failure> {
        if node.from > self.tree.size() {
            return Err(missing().into());
        }
        let fits = node.from == self.tree.size()
            && 1_u64
                .checked_shl(node.level)
                .and_then(|leaves| node.from.checked_add(leaves))
                .is_some_and(|end| end <= upto)
            && self.tree.push_subtree(node.level, node.root);
        if !fits {
            return Err(self.nodes.wrong("stands for records that are shown, or for none").into());
        }
        self.run_from = None;
        self.meet()
    }

    /// Compares with a head of this size that the reader brought.
    fn meet(&mut self) -> Result<(), Failure> {
        let size = self.tree.size();
        for head in self.known.iter().filter(|head| head.size == size) {
            if head.root != self.tree.root() {
                let words = format!(
                    "its first {size} records are not those of the head that you have: one of the two was made up"
                );
                return Err(Finding::new(Class::Forked, NODES, words).into());
            }
            self.met.push(size);
        }
        Ok(())
    }

    /// The tree's root once it has `size` leaves and nothing is left over.
    pub(super) fn finish(&mut self, size: u64) -> Result<Hash, Failure> {
        self.grow_to(size)?;
        if self.nodes.next_line()?.is_some() {
            return Err(self.nodes.wrong("stands for nothing").into());
        }
        if self.tree.size() > size {
            let words = format!("the log has {size} records, and record {} is shown", self.tree.size() - 1);
            return Err(Finding::new(Class::Inserted, RECORDS, words).into());
        }
        Ok(self.tree.root())
    }
}
