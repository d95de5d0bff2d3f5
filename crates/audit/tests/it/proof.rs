use candor_audit::{
    merkle::{Hash, log_leaf, log_root},
    proof::{consistency, is_consistent},
};

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| log_leaf(&index.to_be_bytes())).collect()
}

#[test]
fn each_head_is_shown_to_be_the_beginning_of_each_later_one() {
    for new in 1..=40_u64 {
        let all = leaves(new);
        let new_root = log_root(all.iter().copied());
        for old in 0..=new {
            let old_root = log_root(all.iter().take(old as usize).copied());
            let proof = consistency(&all, old);
            assert!(is_consistent(old, &old_root, new, &new_root, &proof), "{old} of {new}");
            assert!(!is_consistent(old.max(1), &[1; 32], new, &new_root, &proof), "{old} of {new}, other old root");
            if old > 0 && old < new {
                assert!(!is_consistent(old, &old_root, new, &[1; 32], &proof), "{old} of {new}, other new root");
                let mut longer = proof.clone();
                longer.push([0; 32]);
                assert!(!is_consistent(old, &old_root, new, &new_root, &longer));
                for at in 0..proof.len() {
                    let mut other = proof.clone();
                    other[at][0] ^= 1;
                    assert!(!is_consistent(old, &old_root, new, &new_root, &other), "{old} of {new}, hash {at}");
                    let mut shorter = proof.clone();
                    shorter.remove(at);
                    assert!(!is_consistent(old, &old_root, new, &new_root, &shorter));
                }
            }
        }
    }
}
