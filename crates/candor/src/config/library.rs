//! Profiles and capability descriptors: those that come with Candor, those of the package in use, which take the place of the former,
//! and further ones in the state folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use candor_core::{
    capability::core_descriptors,
    limits::PROFILE_BYTES_MAX,
    package::Version,
    profile::{PACKAGE_VERSION, SAFE_DEFAULT, core_profiles},
};

use crate::{
    exit::{Exit, Failure},
    home::Home,
    package::{self, Installed},
};

/// Which documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Deployment profiles.
    Profiles,
    /// Capability descriptors.
    Capabilities,
}

/// A document's text, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id: the file's name without `.yaml`.
    pub id: String,
    /// The text.
    pub text: String,
    /// `built in`, or the file.
    pub from: String,
    /// The version of the package that it would hold over; none is that of the one that comes with the program.
    pub package: Option<Version>,
}

impl Document {
    /// The version of the package that it would hold over.
    ///
    /// # Errors
    /// Never for a released Candor: its own version reads.
    pub fn package(&self) -> Result<Version, Failure> {
        match &self.package {
            Some(version) => Ok(version.clone()),
            None => {
                PACKAGE_VERSION.parse().map_err(|error| Failure::new(Exit::Internal, format!("this package: {error}")))
            }
        }
    }
}

impl Shelf {
    fn core(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Profiles => core_profiles(),
            Self::Capabilities => core_descriptors(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Profiles => "profiles",
            Self::Capabilities => "capabilities",
        }
    }

    fn folder(self, home: &Home) -> PathBuf {
        home.state.join(self.name())
    }

    fn what(self) -> &'static str {
        match self {
            Self::Profiles => "profile",
            Self::Capabilities => "capability descriptor",
        }
    }

    /// Every document: those that come with Candor or with the package in use first.
    ///
    /// # Errors
    /// When a file can't be read, or one in the state folder has the name of one that comes with Candor or the package.
    pub fn list(self, home: &Home) -> Result<Vec<Document>, Failure> {
        self.list_over(home, package::selected(home)?.as_ref())
    }

    /// The same over this package.
    ///
    /// # Errors
    /// As [`Shelf::list`].
    pub fn list_over(self, home: &Home, package: Option<&Installed>) -> Result<Vec<Document>, Failure> {
        let version = package.map(|package| package.manifest.version.clone());
        let document = |id: &str, text: &str, from: String| Document {
            id: id.to_owned(),
            text: text.to_owned(),
            from,
            package: version.clone(),
        };
        let mut documents: Vec<Document> =
            self.core().into_iter().map(|(id, text)| document(id, text, "built in".to_owned())).collect();
        for (id, text, path) in package.map(|package| package.documents(self.name())).transpose()?.unwrap_or_default() {
            documents.retain(|other| other.id != id);
            documents.push(document(&id, &text, path.display().to_string()));
        }
        documents.sort_by(|a, b| a.id.cmp(&b.id));
        let mut own = Vec::new();
        for entry in fs::read_dir(self.folder(home)).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "yaml") {
                own.push(Document { package: version.clone(), ..read(&path)? });
            }
        }
        own.sort_by(|a: &Document, b| a.id.cmp(&b.id));
        for document in own {
            if document.id == SAFE_DEFAULT || documents.iter().any(|other| other.id == document.id) {
                return Err(Failure::new(
                    Exit::Config,
                    format!(
                        "`{}` has the name of a {} that comes with Candor or the package in use",
                        document.from,
                        self.what()
                    ),
                )
                .hint("give it a name and an id of its own"));
            }
            documents.push(document);
        }
        Ok(documents)
    }

    /// The document of the profile that is selected; none where that is the safe default.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn selected(self, home: &Home, id: &str) -> Result<Option<Document>, Failure> {
        self.selected_over(home, package::selected(home)?.as_ref(), id)
    }

    /// The same over this package.
    ///
    /// # Errors
    /// As [`Shelf::selected`].
    pub fn selected_over(
        self,
        home: &Home,
        package: Option<&Installed>,
        id: &str,
    ) -> Result<Option<Document>, Failure> {
        if id == SAFE_DEFAULT { Ok(None) } else { self.find_over(home, package, id, Exit::Config).map(Some) }
    }

    /// The document of this id.
    ///
    /// # Errors
    /// When there is none; the error has this exit code and names those that there are.
    pub fn find(self, home: &Home, id: &str, exit: Exit) -> Result<Document, Failure> {
        self.find_over(home, package::selected(home)?.as_ref(), id, exit)
    }

    /// The same over this package.
    ///
    /// # Errors
    /// As [`Shelf::find`].
    pub fn find_over(
        self,
        home: &Home,
        package: Option<&Installed>,
        id: &str,
        exit: Exit,
    ) -> Result<Document, Failure> {
        let mut all = self.list_over(home, package)?;
        if let Some(at) = all.iter().position(|document| document.id == id) {
            return Ok(all.swap_remove(at));
        }
        let mut known: Vec<&str> = all.iter().map(|document| document.id.as_str()).collect();
        if self == Self::Profiles {
            known.insert(0, SAFE_DEFAULT);
        }
        Err(Failure::new(exit, format!("no {} `{id}`", self.what())).hint(format!(
            "there are {}; further ones lie in `{}`",
            known.join(", "),
            self.folder(home).display()
        )))
    }
}

/// Reads a document from a file.
///
/// # Errors
/// When it can't be read, or is too large.
pub fn read(path: &Path) -> Result<Document, Failure> {
    let wrong = |why: String| Failure::new(Exit::Config, format!("`{}` can't be read: {why}", path.display()));
    let length = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if length > PROFILE_BYTES_MAX as u64 {
        return Err(wrong(format!("it has {length} bytes, and at most {PROFILE_BYTES_MAX} are read")));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    Ok(Document { id, text, from: path.display().to_string(), package: None })
}
