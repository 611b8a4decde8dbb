//! Options that mean the same in every command.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::Args;
use train::Interrupt;

use crate::Failure;

/// Seed, threads, output folder and size of a run.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    /// Seed of all random numbers; the same seed gives the same bits, whatever the number of threads
    #[arg(long, default_value_t = 1, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
    /// Folder for what the run leaves [default: one under target/]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// A shorter run that shows that everything works
    #[arg(long, conflicts_with = "full")]
    pub(crate) quick: bool,
    /// The long run whose result is worth quoting
    #[arg(long)]
    pub(crate) full: bool,
}

/// More threads than any machine has processors for are a slip.
const MOST_THREADS: usize = 1024;

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Quick,
    Normal,
    Full,
}

impl RunArgs {
    pub(crate) fn size(&self) -> Size {
        match (self.quick, self.full) {
            (true, _) => Size::Quick,
            (_, true) => Size::Full,
            _ => Size::Normal,
        }
    }

    /// The same run in a folder of its own inside the output folder, where several demos share one.
    pub(crate) fn inside(&self, name: &str) -> Self {
        Self { out: self.out.as_ref().map(|out| out.join(name)), ..self.clone() }
    }

    /// The output folder, made if need be.
    pub(crate) fn out_dir(&self, default: &str) -> Result<PathBuf, Failure> {
        let dir = self.out.clone().unwrap_or_else(|| workspace().join("target").join(default));
        std::fs::create_dir_all(&dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
        Ok(dir)
    }
}

/// Runs `f` on a pool of the asked number of threads: on its own worker, so that parallel loops start without
/// waking anybody first.
pub(crate) fn on_threads<T: Send>(
    threads: Option<usize>,
    f: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = threads {
        if threads == 0 {
            return Err("--threads 0: at least one thread is needed".into());
        }
        if threads > MOST_THREADS {
            return Err(format!("--threads {threads}: at most {MOST_THREADS}").into());
        }
        pool = pool.num_threads(threads);
    }
    pool.build().map_err(|error| format!("cannot start threads: {error}"))?.install(f)
}

/// The flag that Ctrl-C sets, one for the whole program.
pub(crate) fn interrupt() -> Result<Interrupt, Failure> {
    static FLAG: Mutex<Option<Interrupt>> = Mutex::new(None);
    let mut flag = FLAG.lock().map_err(|_| "Ctrl-C cannot be handled")?;
    if flag.is_none() {
        *flag = Some(Interrupt::on_ctrl_c()?);
    }
    Ok(flag.clone().unwrap_or_default())
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}
