//! A SHA-256 that has taken in one block already: what a commitment is made of, a short message at a time. The compression is `sha2`'s; only
//! the filling of its blocks is here, for messages of one or two blocks spend more on a general buffer than on being hashed.

use sha2::block_api::compress256;

use crate::merkle::Hash;

/// Bytes of a block.
const BLOCK: usize = 64;
/// Where the length stands in the last block.
const LENGTH: usize = BLOCK - 8;
/// The state that SHA-256 begins with (FIPS 180-4, section 5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// What follows a message of two whole blocks: the mark of its end, and its length in bits.
const AFTER_TWO: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    block[0] = 0x80;
    block[BLOCK - 2] = 4;
    block
};

/// The state after the first block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun([u32; 8]);

impl Begun {
    /// After one block.
    pub(crate) fn after(block: &[u8; BLOCK]) -> Begun {
        let mut state = START;
        compress256(&mut state, &[*block]);
        Begun(state)
    }

    /// The hash when another whole block follows.
    pub(crate) fn with_block(self, block: [u8; BLOCK]) -> Hash {
        let mut state = self.0;
        compress256(&mut state, &[block, AFTER_TWO]);
        bytes(&state)
    }

    /// The hash when these two follow.
    pub(crate) fn with(self, first: &[u8; 16], second: &[u8]) -> Hash {
        let mut state = self.0;
        let mut block = [0; BLOCK];
        let (head, room) = block.split_at_mut(first.len());
        head.copy_from_slice(first);
        let (now, rest) = second.split_at(second.len().min(room.len()));
        let mut filled = first.len() + now.len();
        if let Some(room) = room.get_mut(..now.len()) {
            room.copy_from_slice(now);
        }
        if filled == BLOCK {
            compress256(&mut state, &[block]);
            let whole = rest.chunks_exact(BLOCK);
            let last = whole.remainder();
            for chunk in whole {
                block.copy_from_slice(chunk);
                compress256(&mut state, &[block]);
            }
            block = [0; BLOCK];
            block.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
            filled = last.len();
        }
        if let Some(end) = block.get_mut(filled) {
            *end = 0x80;
        }
        if filled >= LENGTH {
            compress256(&mut state, &[block]);
            block = [0; BLOCK];
        }
        let bits = (BLOCK + first.len() + second.len()) as u64 * 8;
        if let Some(length) = block.last_chunk_mut::<8>() {
            *length = bits.to_be_bytes();
        }
        compress256(&mut state, &[block]);
        bytes(&state)
    }
}

fn bytes(state: &[u32; 8]) -> Hash {
    let mut hash = [0; 32];
    hash.chunks_exact_mut(4).zip(state).for_each(|(to, word)| to.copy_from_slice(&word.to_be_bytes()));
    hash
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// Every length around the ends of blocks, and some beyond, against the general implementation.
    #[test]
    fn it_is_sha_256() {
        let name = [7; BLOCK];
        let begun = Begun::after(&name);
        for length in (0..300).chain([1_000, 4_095, 4_096, 65_536]) {
            let text: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let expected = Sha256::new_with_prefix(name).chain_update([3; 16]).chain_update(&text).finalize();
            assert_eq!(begun.with(&[3; 16], &text), <Hash>::from(expected), "{length}");
        }
        let expected = Sha256::new_with_prefix(name).chain_update([9; BLOCK]).finalize();
        assert_eq!(begun.with_block([9; BLOCK]), <Hash>::from(expected));
    }
}
