//! The table of data sets and weights: each entry was fetched once, and its digests are of what came.

mod fonts;
mod labelled;
mod texts;
mod tokenizers;
mod weights;

use super::client::{Client, Package};
use super::error::Error;

/// A data set or a set of weights, and the package it comes in.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) licence: &'static str,
    pub(super) package: Package,
    pub(super) files: &'static [Wanted],
}

/// A file of a package, or several.
#[derive(Debug)]
pub(super) struct Wanted {
    /// A path within the package. With a `*` in it, all files whose path begins and ends like that.
    pub(super) path: &'static str,
    /// How many files.
    pub(super) count: usize,
    /// Their size together.
    pub(super) bytes: u64,
    /// The SHA-256 of the file; of several, that of the list of their digests and paths.
    pub(super) sha256: &'static str,
}

const fn dataset(
    name: &'static str,
    what: &'static str,
    licence: &'static str,
    package: (Client, &'static str, &'static str),
    files: &'static [Wanted],
) -> Dataset {
    let package = Package { client: package.0, name: package.1, version: package.2 };
    Dataset { name, what, licence, package, files }
}

const fn file(path: &'static str, bytes: u64, sha256: &'static str) -> Wanted {
    Wanted { path, count: 1, bytes, sha256 }
}

const fn files(path: &'static str, count: usize, bytes: u64, sha256: &'static str) -> Wanted {
    Wanted { path, count, bytes, sha256 }
}

/// All sets, in the order of the list.
pub(super) fn all() -> impl Iterator<Item = &'static Dataset> {
    [texts::SETS, labelled::SETS, weights::SETS, tokenizers::SETS, fonts::SETS].into_iter().flatten()
}

/// The set called `name`.
pub(super) fn find(name: &str) -> Result<&'static Dataset, Error> {
    all().find(|set| set.name == name).ok_or_else(|| Error::UnknownName {
        name: name.to_owned(),
        near: all()
            .map(|set| set.name)
            .filter(|other| other.contains(name) || name.contains(other))
            .collect(),
    })
}

impl Dataset {
    /// The size of its files together.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|wanted| wanted.bytes).sum()
    }

    /// Is the file at `path` of the package part of the set?
    pub(super) fn wants(&self, path: &str) -> bool {
        self.files.iter().any(|wanted| wanted.matches(path))
    }
}

impl Wanted {
    /// Does this name several files?
    pub(super) fn is_pattern(&self) -> bool {
        self.path.contains('*')
    }

    /// Is `path` this file, or one of these?
    pub(super) fn matches(&self, path: &str) -> bool {
        match self.path.split_once('*') {
            None => self.path == path,
            Some((start, end)) => {
                path.len() >= start.len() + end.len() && path.starts_with(start) && path.ends_with(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_fit_a_file_name() {
        let mut names = BTreeSet::new();
        for set in all() {
            assert!(names.insert(set.name), "{} twice", set.name);
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            assert!(set.name.chars().all(fits), "{}", set.name);
        }
    }

    #[test]
    fn entries_are_whole() {
        for set in all() {
            let name = set.name;
            assert!(!set.what.is_empty() && !set.licence.is_empty() && !set.files.is_empty(), "{name}");
            assert!(set.package.version.contains(|c: char| c.is_ascii_digit()), "{name}");
            for wanted in set.files {
                let path = wanted.path;
                assert!(
                    !path.starts_with('/') && !path.contains("..") && !path.contains('\\'),
                    "{name}: {path}"
                );
                assert!(path.matches('*').count() <= 1, "{name}: {path}");
                assert!(wanted.is_pattern() || wanted.count == 1, "{name}: {path}");
                assert!(wanted.count > 0 && wanted.bytes > 0, "{name}: {path}");
                let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                assert!(wanted.sha256.len() == 64 && wanted.sha256.chars().all(hex), "{name}: {path}");
            }
        }
    }

    #[test]
    fn patterns_match_both_ends() {
        let pattern = files("data/*.txt", 1, 1, "");
        assert!(pattern.matches("data/a.txt") && pattern.matches("data/b/c.txt"));
        assert!(!pattern.matches("data/a.json") && !pattern.matches("a.txt"));
        assert!(!files("ab*bc", 1, 1, "").matches("abc"));
        assert!(file("a", 1, "").matches("a") && !file("a", 1, "").matches("ab"));
    }

    #[test]
    fn an_unknown_name_hears_of_those_like_it() {
        assert_eq!(find("wikitext-2").unwrap().name, "wikitext-2");
        let error = find("wikitext").unwrap_err().to_string();
        assert!(
            error.contains("no data set is called `wikitext`") && error.contains("wikitext-2"),
            "{error}"
        );
        assert!(find("zzz").unwrap_err().to_string().ends_with("prints those there are"));
    }
}
