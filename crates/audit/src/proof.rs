//! That one head of the log is the beginning of another: consistency proofs, RFC 6962 section 2.1.2.

use crate::merkle::{Frontier, Hash, Log, log_node};

/// The most hashes that a proof has: two per level of a tree of 2^53 leaves.
pub const MAX_PROOF_HASHES: usize = 2 * 53;

/// The proof that the log of the first `old` of these leaves became the log of all of them.
#[must_use]
pub fn consistency(leaves: &[Hash], old: u64) -> Vec<Hash> {
    let mut proof = Vec::new();
    let old = usize::try_from(old).unwrap_or(usize::MAX);
    if old > 0 && old < leaves.len() {
        sub_proof(leaves, old, true, &mut proof);
    }
    proof
}

fn sub_proof(leaves: &[Hash], old: usize, whole: bool, proof: &mut Vec<Hash>) {
    if old == leaves.len() {
        if !whole {
            proof.push(root(leaves));
        }
        return;
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    if old <= left.len() {
        sub_proof(left, old, whole, proof);
        proof.push(root(right));
    } else {
        sub_proof(right, old - left.len(), false, proof);
        proof.push(root(left));
    }
}

fn root(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::<Log>::new();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

/// Whether `proof` shows that the log with `old_root` over `old` leaves is the beginning of the one with `new_root` over `new`.
///
/// RFC 9162 section 2.1.4.2, which says the same for verifiers.
#[must_use]
pub fn is_consistent(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    if old == 0 || old >= new {
        return proof.is_empty() && (old == 0 || (old == new && old_root == new_root));
    }
    if proof.len() > MAX_PROOF_HASHES {
        return false;
    }
    let mut hashes = proof.iter();
    let (mut at_old, mut at_new) = (old - 1, new - 1);
    let first = if old.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let Some(first) = first else { return false };
    while at_old & 1 == 1 {
        at_old >>= 1;
        at_new >>= 1;
    }
    let (mut from_old, mut from_new) = (*first, *first);
    for hash in hashes {
        if at_new == 0 {
            return false;
        }
        if at_old & 1 == 1 || at_old == at_new {
            from_old = log_node(hash, &from_old);
            from_new = log_node(hash, &from_new);
            while at_old & 1 == 0 && at_old != 0 {
                at_old >>= 1;
                at_new >>= 1;
            }
        } else {
            from_new = log_node(&from_new, hash);
        }
        at_old >>= 1;
        at_new >>= 1;
    }
    at_new == 0 && from_old == *old_root && from_new == *new_root
}
