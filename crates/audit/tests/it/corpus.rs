//! Replays `tests/corpus/`: inputs that once were, or could be, trouble. `accept-*` must be taken, `refuse-*` refused.

use std::fs;
use std::path::Path;

use candor_audit::canonical;
use candor_audit::header::Header;
use candor_audit::json::parse;

const MAX_BYTES: usize = 1 << 20;

#[test]
fn every_file_is_taken_or_refused_as_its_name_says() {
    let mut replayed = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let parsed = parse(&bytes, MAX_BYTES);
        assert_eq!(parsed.is_ok(), name.starts_with("accept-"), "{name}: {parsed:?}");
        assert!(name.starts_with("accept-") || name.starts_with("refuse-"), "{name}");
        if let Ok(value) = parsed {
            let again = canonical::to_bytes(&value);
            assert_eq!(parse(&again, MAX_BYTES).as_ref(), Ok(&value), "{name}");
            assert_eq!(again, serde_json_canonicalizer::to_vec(&value).unwrap(), "{name}");
        }
        assert_eq!(Header::parse(&bytes).is_ok(), name.contains("-header"), "{name}");
        replayed += 1;
    }
    assert!(replayed >= 30, "{replayed} files replayed");
}
