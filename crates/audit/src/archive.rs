//! The archive of bundles and packages: ustar, plain files only, one way to write each. What isn't exactly so is refused, so that
//! every reader of tar sees the same members.

use std::io::{self, Read, Write};

/// A block of tar, in bytes.
const BLOCK: usize = 512;

/// Why an archive isn't one of ours.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It can't be read.
    #[error("the file can't be read: {0}")]
    Io(#[from] io::Error),
    /// It ends too early.
    #[error("the file ends within {0}: it was cut off")]
    Cut(String),
    /// A member has another header than a plain file of that name and size.
    #[error(
        "{0} has the header of something else than a plain file: links, folders, other modes, owners, times and long names are refused"
    )]
    Header(String),
    /// What fills a block up isn't zeros.
    #[error("there are stray bytes after {0}")]
    Padding(String),
    /// Something stands after the end.
    #[error("there are stray bytes after the end of the archive")]
    Trailing,
    /// A member is larger than it may be.
    #[error("{name} has {bytes} bytes, more than {max_bytes}")]
    TooLarge {
        /// The member.
        name: String,
        /// What it has.
        bytes: u64,
        /// What it may have.
        max_bytes: u64,
    },
}

/// The header of a plain file.
///
/// # Errors
/// When ustar has no room for the name.
pub fn header(name: &str, bytes: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

/// Writes members one after the other.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    to: W,
}

impl<W: Write> ArchiveWriter<W> {
    /// An archive without members.
    pub fn new(to: W) -> Self {
        ArchiveWriter { to }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.to.write_all(header(name, content.len() as u64)?.as_bytes())?;
        self.to.write_all(content)?;
        self.to.write_all(padding(content.len() as u64))
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&[0; 2 * BLOCK])?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// The zeros after a file of that size.
fn padding(bytes: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = usize::try_from(bytes % BLOCK as u64).unwrap_or(0);
    if over == 0 { &[] } else { ZEROS.get(over..).unwrap_or_default() }
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Reads members one after the other.
#[derive(Debug)]
pub struct ArchiveReader<R> {
    from: R,
    /// The member that is being read, and what is left of it.
    open: Option<(Member, u64)>,
    ended: bool,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads an archive from its beginning.
    pub fn new(from: R) -> Self {
        ArchiveReader { from, open: None, ended: false }
    }

    /// The next member; none at the archive's end, after which nothing may stand. What is left of the one before is skipped.
    ///
    /// # Errors
    /// When the archive is cut, or holds anything but plain files.
    pub fn next_member(&mut self) -> Result<Option<Member>, ArchiveError> {
        self.close()?;
        if self.ended {
            return Ok(None);
        }
        let mut block = [0; BLOCK];
        self.fill(&mut block, "a header")?;
        if block == [0; BLOCK] {
            self.fill(&mut block, "its end")?;
            let mut one = [0];
            let clean = block == [0; BLOCK] && self.from.read(&mut one)? == 0;
            self.ended = true;
            return if clean { Ok(None) } else { Err(ArchiveError::Trailing) };
        }
        let parsed = tar::Header::from_byte_slice(&block);
        let name = String::from_utf8_lossy(&parsed.path_bytes()).into_owned();
        let refused = || ArchiveError::Header(format!("`{}`", name.escape_debug()));
        let bytes = parsed.size().map_err(|_| refused())?;
        // The one header that such a file can have; everything that tar could say besides is different from it.
        let expected = header(&name, bytes).map_err(|_| refused())?;
        if expected.as_bytes() != &block {
            return Err(refused());
        }
        let member = Member { name, bytes };
        self.open = Some((member.clone(), bytes));
        Ok(Some(member))
    }

    /// The whole of the member that is open.
    ///
    /// # Errors
    /// When it is larger than `max_bytes`, or cut.
    pub fn content(&mut self, max_bytes: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut content = Vec::new();
        if let Some((member, left)) = &self.open {
            if *left > max_bytes {
                let (name, bytes) = (format!("`{}`", member.name), *left);
                return Err(ArchiveError::TooLarge { name, bytes, max_bytes });
            }
            content.reserve(usize::try_from(*left).unwrap_or(0));
        }
        io::copy(self, &mut content)?;
        self.close()?;
        Ok(content)
    }

    /// Skips what is left of the open member, and looks at what fills its last block.
    fn close(&mut self) -> Result<(), ArchiveError> {
        io::copy(self, &mut io::sink())?;
        let Some((member, left)) = self.open.take() else { return Ok(()) };
        let named = format!("`{}`", member.name);
        if left > 0 {
            return Err(ArchiveError::Cut(named));
        }
        let zeros = padding(member.bytes);
        let mut found = [0; BLOCK];
        if let Some(found) = found.get_mut(..zeros.len()) {
            self.fill(found, &named)?;
            if found != zeros {
                return Err(ArchiveError::Padding(named));
            }
        }
        Ok(())
    }

    fn fill(&mut self, block: &mut [u8], what: &str) -> Result<(), ArchiveError> {
        self.from.read_exact(block).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Cut(what.to_owned()),
            _ => ArchiveError::Io(error),
        })
    }
}

/// Reads the open member; a cut one ends early, which [`ArchiveReader::next_member`] and [`ArchiveReader::content`] tell.
impl<R: Read> Read for ArchiveReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((_, left)) = &mut self.open else { return Ok(0) };
        let most = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..most) else { return Ok(0) };
        let read = self.from.read(buffer)?;
        *left -= read as u64;
        Ok(read)
    }
}
