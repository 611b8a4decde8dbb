//! What several tests need.

use std::path::PathBuf;

/// A file or folder that `cargo xtask data fetch` gets: `path` in the data set `name`. `None` where it is not here, so
/// that a test can be skipped, which it says.
///
/// # Panics
/// If it is not here and the variable `XTASK_DATA_REQUIRED` is 1.
pub(crate) fn fetched(name: &str, path: &str) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(std::env::home_dir()?.join(".cache")));
    let data = variable("XTASK_DATA_DIR").or_else(|| Some(cache()?.join("xtask-data")));
    let place = data.map(|data| data.join(name).join(path)).filter(|place| place.exists());
    if place.is_none() {
        let is_required = std::env::var_os("XTASK_DATA_REQUIRED").is_some_and(|value| value == "1");
        assert!(!is_required, "{name} is not here: `cargo xtask data fetch {name}` gets it");
        println!("{name} is not here: `cargo xtask data fetch {name}` gets it; skipped");
    }
    place
}
