//! A folder: each document a file that appears whole, or not at all, and is never written over.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    path::Path,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Document, PutError};

/// Puts a document in a folder; makes the folder where there is none.
///
/// # Errors
/// When another file has that name, or it can't be written.
pub fn put_file(folder: &Path, document: &Document) -> Result<(), PutError> {
    let failed = |error: io::Error| PutError::Failed(format!("`{}` can't be written: {error}", folder.display()));
    let path = folder.join(&document.name);
    let draft = folder.join(format!(".{}.part-{}", document.name, std::process::id()));
    fs::create_dir_all(folder).map_err(failed)?;
    let written = OpenOptions::new().write(true).create(true).truncate(true).open(&draft).and_then(|mut file| {
        file.write_all(&document.content)?;
        file.sync_all()
    });
    let put = match written {
        Ok(()) => settle(&draft, &path),
        Err(error) => Err(error),
    };
    // Gone already where it became the file.
    let _ = fs::remove_file(&draft);
    match put {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // The same again is no failure: a run before this one got as far.
            let there = fs::read(&path).map_err(failed)?;
            if there == document.content { Ok(()) } else { Err(PutError::Taken(document.name.clone())) }
        }
        Err(error) => Err(failed(error)),
    }
}

/// Gives a finished file its name, if nothing has it, and makes that durable.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when something has the name.
pub fn settle(draft: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(rustix::io::Errno::EXIST) => return Err(ErrorKind::AlreadyExists.into()),
        // A file system that can't do that can link.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            fs::hard_link(draft, path)?;
        }
        Err(error) => return Err(error.into()),
    }
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn document(content: &str) -> Document {
        Document { name: "head-1.txt".to_owned(), content: content.as_bytes().to_vec() }
    }

    #[test]
    fn a_document_is_put_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("made/for/it");
        assert_eq!(put_file(&place, &document("one")), Ok(()));
        assert_eq!(put_file(&place, &document("one")), Ok(()), "the same again");
        assert_eq!(put_file(&place, &document("two")), Err(PutError::Taken("head-1.txt".to_owned())));
        let there: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(there, ["head-1.txt"], "no drafts are left");
        assert_eq!(fs::read_to_string(place.join("head-1.txt")).unwrap(), "one");
    }

    #[test]
    fn a_place_that_cant_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a-file");
        fs::write(&file, "").unwrap();
        let PutError::Failed(why) = put_file(&file, &document("one")).unwrap_err() else { unreachable!("a failure") };
        assert!(why.contains("a-file"), "{why}");
    }
}
