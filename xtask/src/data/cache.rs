//! Where fetched data lies.

use std::path::PathBuf;

use super::Error;

/// The environment variable that says where, before all defaults.
const OVERRIDE: &str = "XTASK_DATA_DIR";
const FOLDER: &str = "xtask-data";

/// `$XTASK_DATA_DIR`, else `xtask-data` under `$XDG_CACHE_HOME`, else under `.cache` in the home folder.
pub(super) fn root() -> Result<PathBuf, Error> {
    // An empty variable counts as unset, and XDG has relative paths ignored.
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let xdg = || variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    variable(OVERRIDE)
        .or_else(|| Some(xdg().or_else(home)?.join(FOLDER)))
        .ok_or(Error::NoCache { variable: OVERRIDE })
}
