//! Every byte of a small bundle, changed in every way: nothing passes.

use candor_audit::bundle::manifest::Headers;

use super::log::{Plan, bundle, checked, made, task};

fn small() -> [Vec<u8>; 2] {
    let made = made(8);
    let redacted = Plan { redact: &["/secret"], ..Plan::of(task(Headers::Selected)) };
    [bundle(&made, &Plan::of(task(Headers::Range))), bundle(&made, &redacted)]
}

#[test]
fn each_flipped_byte_is_found() {
    for whole in small() {
        assert!(checked(&whole, &[]).is_ok());
        for at in 0..whole.len() {
            for flip in [1, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                assert!(checked(&bytes, &[]).is_err(), "byte {at} of {} with {flip:#x}", whole.len());
            }
        }
    }
}

#[test]
fn each_cut_is_found() {
    for whole in small() {
        for at in (0..whole.len()).step_by(7).chain([0, 1, whole.len() - 1, whole.len() - 512, whole.len() - 1024]) {
            assert!(checked(&whole[..at], &[]).is_err(), "cut at {at}");
        }
        let longer = [whole.as_slice(), &[0]].concat();
        assert!(checked(&longer, &[]).is_err());
        let longer = [whole.as_slice(), &[0; 512]].concat();
        assert!(checked(&longer, &[]).is_err());
    }
}

#[test]
fn each_block_dropped_doubled_or_swapped_is_found() {
    for whole in small() {
        let blocks: Vec<&[u8]> = whole.chunks(512).collect();
        for at in 0..blocks.len() {
            let mut dropped = blocks.clone();
            dropped.remove(at);
            assert!(checked(&dropped.concat(), &[]).is_err(), "block {at} dropped");
            let mut doubled = blocks.clone();
            doubled.insert(at, blocks[at]);
            assert!(checked(&doubled.concat(), &[]).is_err(), "block {at} doubled");
            for other in at + 1..blocks.len() {
                let mut swapped = blocks.clone();
                swapped.swap(at, other);
                if swapped[at] != blocks[at] {
                    assert!(checked(&swapped.concat(), &[]).is_err(), "blocks {at} and {other} swapped");
                }
            }
        }
    }
}
