use candor_audit::merkle::{Frontier, Hash, Log, log_leaf, log_root};
use candor_audit::proof::consistency;
use ct_merkle::{ConsistencyProof, RootHash, mem_backed_tree::MemoryBackedTree};
use proptest::prelude::*;
use sha2::Sha256;

fn hex(hash: Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn oracle(entries: &[Vec<u8>]) -> Hash {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    entries.iter().cloned().for_each(|entry| tree.push(entry));
    (*tree.root().as_bytes()).into()
}

/// The inputs and roots that Certificate Transparency implementations have shared since RFC 6962.
#[test]
fn rfc_6962_test_vectors() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(hex(log_root(inputs[..size].iter().map(|input| log_leaf(input)))), *root, "size {size}");
    }
}

#[test]
fn a_frontier_goes_on_where_it_was_stored_at_every_size() {
    let entries: Vec<Vec<u8>> = (0..130_u8).map(|n| vec![n; usize::from(n)]).collect();
    let mut frontier = Frontier::<Log>::new();
    for (size, entry) in entries.iter().enumerate() {
        assert_eq!(frontier.root(), oracle(&entries[..size]));
        frontier.push(log_leaf(entry));
        frontier = Frontier::resume(frontier.size(), frontier.peaks().to_vec()).unwrap();
    }
    assert_eq!(frontier.size(), 130);
    assert_eq!(frontier.root(), oracle(&entries));
}

#[test]
fn a_frontier_with_missing_or_spare_hashes_is_refused() {
    assert!(Frontier::<Log>::resume(0, vec![]).is_ok());
    for (size, peaks) in [(0, 1), (3, 1), (4, 2), (u64::MAX, 63)] {
        assert!(Frontier::<Log>::resume(size, vec![[0; 32]; peaks]).is_err());
    }
}

proptest! {
    #[test]
    fn the_root_is_as_ct_merkle_has_it(entries in proptest::collection::vec(any::<Vec<u8>>(), 0..70)) {
        prop_assert_eq!(log_root(entries.iter().map(|entry| log_leaf(entry))), oracle(&entries));
    }

    /// Somebody else's verifier takes our root for every record's inclusion, and our proof that a head grew from an earlier one; and refuses both
    /// for another record and another head.
    #[test]
    fn ct_merkle_checks_each_inclusion_and_each_proof_of_ours(
        entries in proptest::collection::vec(any::<Vec<u8>>(), 1..70),
        at in any::<prop::sample::Index>(),
    ) {
        let leaves: Vec<Hash> = entries.iter().map(|entry| log_leaf(entry)).collect();
        let head = |size: usize| RootHash::<Sha256>::new(log_root(leaves[..size].iter().copied()).into(), size as u64);
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        entries.iter().cloned().for_each(|entry| theirs.push(entry));
        for (index, entry) in entries.iter().enumerate() {
            let proof = theirs.prove_inclusion(index);
            prop_assert!(head(entries.len()).verify_inclusion(entry, index as u64, &proof).is_ok());
            let other = [entry.as_slice(), b"x"].concat();
            prop_assert!(head(entries.len()).verify_inclusion(&other, index as u64, &proof).is_err());
        }
        let old = at.index(entries.len()) + 1;
        let proof: Vec<_> = consistency(&leaves, old as u64).into_iter().map(Into::into).collect();
        let proof = ConsistencyProof::<Sha256>::from_digests(proof.iter());
        prop_assert!(head(entries.len()).verify_consistency(&head(old), &proof).is_ok());
        let forged = RootHash::<Sha256>::new([7; 32].into(), old as u64);
        prop_assert!(head(entries.len()).verify_consistency(&forged, &proof).is_err());
    }
}
