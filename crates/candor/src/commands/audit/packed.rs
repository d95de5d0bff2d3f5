//! Bundles in files: a plain archive, or the same in one zstd frame with a checksum. Which of the two is told by the first bytes.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

use candor_audit::bundle::verify::Source;
use zstd::stream::{read::Decoder, write::Encoder};

/// Most bytes that a packed bundle may unpack to: an archive bomb costs no more time than this, and a bundle of a million records has a tenth.
pub(super) const UNPACKED_BYTES_MAX: u64 = 16 << 30;
/// Largest window of a frame, as a power of two in bytes: what unpacking holds in memory.
const WINDOW_LOG_MAX: u32 = 23;
/// How hard a bundle is packed: zstd's own default.
const LEVEL: i32 = 3;
/// What a zstd frame begins with (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The bit of the byte after it that says that a checksum ends the frame (RFC 8878, 3.1.1.1.1.5).
const HAS_CHECKSUM: u8 = 4;

/// A bundle in a file.
pub(super) struct InFile<'a>(pub(super) &'a Path);

impl Source for InFile<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        unpacked(BufReader::new(File::open(self.0)?), UNPACKED_BYTES_MAX)
    }
}

/// The archive in `from`, unpacked where it is packed.
fn unpacked<'a>(mut from: impl BufRead + 'a, bytes_max: u64) -> io::Result<Box<dyn Read + 'a>> {
    let front = from.fill_buf()?;
    if !front.starts_with(&MAGIC) {
        return Ok(Box::new(from));
    }
    if front.get(MAGIC.len()).is_none_or(|descriptor| descriptor & HAS_CHECKSUM == 0) {
        return Err(damaged("its zstd frame has no checksum; pack it with one, as `zstd` does by itself"));
    }
    let mut frame = Decoder::with_buffer(from)?.single_frame();
    frame.window_log_max(WINDOW_LOG_MAX)?;
    Ok(Box::new(Unpacking { frame: Some(frame), left: bytes_max }))
}

fn damaged(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// One frame with nothing after it, up to a number of bytes.
struct Unpacking<'a, R> {
    frame: Option<Decoder<'a, R>>,
    left: u64,
}

impl<R: BufRead> Read for Unpacking<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(frame) = &mut self.frame else { return Ok(0) };
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = frame.read(buffer).map_err(|error| damaged(format!("its zstd frame is damaged: {error}")))?;
        self.left =
            self.left.checked_sub(read as u64).ok_or_else(|| damaged("it unpacks to more than a bundle may have"))?;
        if read == 0
            && let Some(frame) = self.frame.take()
            && !frame.finish().fill_buf()?.is_empty()
        {
            return Err(damaged("there are stray bytes after its zstd frame"));
        }
        Ok(read)
    }
}

/// Writes a bundle as its name says: packed where it ends with `.zst`.
pub(super) enum Packing<W: Write> {
    /// As it is.
    Plain(W),
    /// In a zstd frame.
    Packed(Box<Encoder<'static, W>>),
}

impl<W: Write> Packing<W> {
    pub(super) fn new(to: W, name: &Path) -> io::Result<Self> {
        if name.extension().is_none_or(|end| end != "zst") {
            return Ok(Self::Plain(to));
        }
        let mut encoder = Encoder::new(to, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self::Packed(Box::new(encoder)))
    }

    /// Ends it.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(to) => Ok(to),
            Self::Packed(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Packing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(bytes),
            Self::Packed(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            Self::Packed(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packing = Packing::new(Vec::new(), Path::new("a.tar.zst")).unwrap();
        packing.write_all(bytes).unwrap();
        packing.finish().unwrap()
    }

    fn read(bytes: &[u8], bytes_max: u64) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        unpacked(bytes, bytes_max).and_then(|mut from| from.read_to_end(&mut out)).map(|_| out).map_err(|error| {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            error.to_string()
        })
    }

    #[test]
    fn what_was_packed_comes_out_and_nothing_else_does() {
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = packed(&bytes);
        assert_eq!(read(&whole, UNPACKED_BYTES_MAX).unwrap(), bytes);
        assert_eq!(read(&bytes, 1).unwrap(), bytes, "a plain one is bounded by what it says of itself");
        for cut in [4, 5, 9, whole.len() / 2, whole.len() - 1] {
            assert!(read(&whole[..cut], UNPACKED_BYTES_MAX).is_err(), "cut at {cut}");
        }
        let trailing = [whole.as_slice(), &whole].concat();
        assert!(read(&trailing, UNPACKED_BYTES_MAX).unwrap_err().contains("stray"));
        assert!(read(&[whole.as_slice(), b"\0"].concat(), UNPACKED_BYTES_MAX).unwrap_err().contains("stray"));
        let last = whole.len() - 1;
        let mut checksum = whole.clone();
        checksum[last] ^= 1;
        assert!(read(&checksum, UNPACKED_BYTES_MAX).is_err());
    }

    /// What a frame says of itself (its window, a bit that nobody reads) may differ; what comes out of it may not.
    #[test]
    fn no_flipped_bit_lets_other_bytes_out() {
        let bytes: Vec<u8> = (0..2_000_u32).flat_map(|n| (n * n % 251).to_string().into_bytes()).collect();
        let whole = packed(&bytes);
        let mut same = 0;
        for at in 4..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                if let Ok(out) = read(&flipped, UNPACKED_BYTES_MAX) {
                    assert!(out == bytes, "bit {bit} of byte {at}");
                    same += 1;
                }
            }
        }
        assert!(same < 32, "{same} of {} bits change nothing", 8 * whole.len());
    }

    #[test]
    fn a_bomb_and_a_frame_without_a_checksum_are_refused() {
        let bomb = packed(&vec![0; 8 << 20]);
        assert!(bomb.len() < 4096);
        assert!(read(&bomb, (8 << 20) - 1).unwrap_err().contains("more than a bundle may have"));
        assert_eq!(read(&bomb, 8 << 20).unwrap().len(), 8 << 20);
        let bare = zstd::bulk::compress(b"no checksum", 3).unwrap();
        assert!(read(&bare, UNPACKED_BYTES_MAX).unwrap_err().contains("no checksum"));
        let mut wide = Encoder::new(Vec::new(), 3).unwrap();
        wide.include_checksum(true).unwrap();
        wide.window_log(WINDOW_LOG_MAX + 2).unwrap();
        wide.write_all(&vec![7; 40 << 20]).unwrap();
        assert!(read(&wide.finish().unwrap(), UNPACKED_BYTES_MAX).is_err(), "a window that takes too much memory");
    }
}
