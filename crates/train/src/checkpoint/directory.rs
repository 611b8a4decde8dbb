//! The checkpoints of one run: the last few and the best.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor::Element;

use crate::checkpoint::Checkpoint;
use crate::error::Error;
use nn::atomic::{Sink, sync_directory};

const BEST: &str = "best.ckpt";

/// A directory of checkpoints, named by step: `step-00001000.ckpt`, and `best.ckpt`.
///
/// An old checkpoint is removed only when a newer one is durably on the disk, so at every moment there is one
/// to go on from.
///
/// ```
/// use tensor::Tensor;
/// use train::{Checkpoint, Checkpoints};
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("run");
/// let checkpoints = Checkpoints::open(&dir, 2)?;
/// for step in [10_u64, 20, 30] {
///     let mut checkpoint = Checkpoint::new("example", step);
///     checkpoint.put("model", [("w".to_string(), Tensor::<f32>::full(&[2], step as f32))]);
///     checkpoints.save(step, &checkpoint)?;
/// }
/// assert_eq!(checkpoints.steps()?, [20, 30]);
/// let latest = checkpoints.latest::<u64, f32>("example")?.unwrap();
/// assert_eq!(latest.checkpoint.state, 30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoints {
    dir: PathBuf,
    keep_last: usize,
}

/// The newest checkpoint that can be read.
#[derive(Debug)]
pub struct Latest<S, E: Element = f32> {
    /// The checkpoint.
    pub checkpoint: Checkpoint<S, E>,
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with newer ones, newest first: worth telling the user.
    pub skipped: Vec<Error>,
}

impl Checkpoints {
    /// Opens a directory, making it where needed, and clears leftovers of interrupted writes.
    ///
    /// # Errors
    /// If `keep_last` is 0 or the directory cannot be used.
    pub fn open(dir: impl AsRef<Path>, keep_last: usize) -> Result<Self, Error> {
        let dir = dir.as_ref().to_owned();
        if keep_last == 0 {
            return Err(Error::Config("at least one checkpoint must be kept, found keep_last 0".into()));
        }
        fs::create_dir_all(&dir).map_err(Error::io(&dir))?;
        for entry in fs::read_dir(&dir).map_err(Error::io(&dir))? {
            let path = entry.map_err(Error::io(&dir))?.path();
            if path.to_string_lossy().ends_with(".ckpt.tmp") {
                fs::remove_file(&path).map_err(Error::io(&path))?;
            }
        }
        Ok(Self { dir, keep_last })
    }

    /// The file of a step.
    pub fn path(&self, step: u64) -> PathBuf {
        self.dir.join(format!("step-{step:08}.ckpt"))
    }

    /// The file of the best checkpoint.
    pub fn best_path(&self) -> PathBuf {
        self.dir.join(BEST)
    }

    /// Steps of which there is a file, rising.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>, Error> {
        let mut steps = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(Error::io(&self.dir))? {
            let name = entry.map_err(Error::io(&self.dir))?.file_name();
            let step = name.to_str().and_then(|name| name.strip_prefix("step-")?.strip_suffix(".ckpt"));
            steps.extend(step.and_then(|step| step.parse::<u64>().ok()));
        }
        steps.sort_unstable();
        Ok(steps)
    }

    /// Saves the checkpoint of a step; then, if that worked, removes all but the last few of earlier steps.
    /// Files of later steps stay until they are overwritten; a run that begins anew [clears](Self::clear) them first.
    ///
    /// # Errors
    /// If it cannot be written, as on a full disk: no older checkpoint is then touched.
    pub fn save<S: Serialize + DeserializeOwned, E: Element>(
        &self,
        step: u64,
        checkpoint: &Checkpoint<S, E>,
    ) -> Result<PathBuf, Error> {
        self.save_through(step, checkpoint, |file| file)
    }

    fn save_through<S: Serialize + DeserializeOwned, E: Element, W: Sink>(
        &self,
        step: u64,
        checkpoint: &Checkpoint<S, E>,
        wrap: impl FnOnce(fs::File) -> W,
    ) -> Result<PathBuf, Error> {
        let path = self.path(step);
        checkpoint.write_through(&path, wrap)?;
        let mut earlier = self.steps()?;
        earlier.retain(|&other| other < step);
        let surplus = (earlier.len() + 1).saturating_sub(self.keep_last);
        for &old in &earlier[..surplus.min(earlier.len())] {
            let old = self.path(old);
            fs::remove_file(&old).map_err(Error::io(&old))?;
        }
        if surplus > 0 {
            sync_directory(&path).map_err(Error::io(&path))?;
        }
        Ok(path)
    }

    /// Saves the best checkpoint so far, in place of the last best.
    ///
    /// # Errors
    /// If it cannot be written; the last best is then still there.
    pub fn save_best<S: Serialize + DeserializeOwned, E: Element>(
        &self,
        checkpoint: &Checkpoint<S, E>,
    ) -> Result<PathBuf, Error> {
        checkpoint.write(self.best_path())?;
        Ok(self.best_path())
    }

    /// Removes all checkpoints, the best too: for a run that begins anew where another was.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn clear(&self) -> Result<(), Error> {
        let steps = self.steps()?.into_iter().map(|step| self.path(step));
        for path in steps.chain([self.best_path()]) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io(&path)(error)),
                _ => {}
            }
        }
        sync_directory(&self.best_path()).map_err(Error::io(&self.dir))
    }

    /// The checkpoint to go on from: the newest, or if that cannot be read the one before it, and so on;
    /// `None` if there is no file.
    ///
    /// # Errors
    /// If there are files but none can be read: what is wrong with the newest.
    pub fn latest<S: Serialize + DeserializeOwned, E: Element>(
        &self,
        kind: &str,
    ) -> Result<Option<Latest<S, E>>, Error> {
        let mut skipped = Vec::new();
        for step in self.steps()?.into_iter().rev() {
            let path = self.path(step);
            match Checkpoint::read(&path, kind) {
                Ok(checkpoint) => return Ok(Some(Latest { checkpoint, path, skipped })),
                Err(error) => skipped.push(error),
            }
        }
        skipped.into_iter().next().map_or(Ok(None), Err)
    }

    /// The best checkpoint; `None` if none was saved.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn best<S: Serialize + DeserializeOwned, E: Element>(
        &self,
        kind: &str,
    ) -> Result<Option<Checkpoint<S, E>>, Error> {
        match Checkpoint::read(self.best_path(), kind) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failing::Failing;
    use tensor::Tensor;

    fn checkpoint(step: u64) -> Checkpoint<u64> {
        let mut checkpoint = Checkpoint::new("test", step);
        checkpoint.put("model", [("w".to_owned(), Tensor::full(&[1000], step as f32))]);
        checkpoint
    }

    fn latest(checkpoints: &Checkpoints) -> (u64, usize) {
        let latest = checkpoints.latest::<u64, f32>("test").unwrap().unwrap();
        (latest.checkpoint.state, latest.skipped.len())
    }

    #[test]
    fn falls_back_to_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(dir.path(), 2).unwrap();
        assert!(checkpoints.latest::<u64, f32>("test").unwrap().is_none());
        for step in [1, 2, 3] {
            checkpoints.save(step, &checkpoint(step)).unwrap();
        }
        assert_eq!(latest(&checkpoints), (3, 0));
        fs::write(checkpoints.path(3), "damaged").unwrap();
        assert_eq!(latest(&checkpoints), (2, 1));

        // Training goes on from 2; the damaged later file costs no good one its place.
        let one = Checkpoints::open(dir.path(), 1).unwrap();
        one.save(2, &checkpoint(2)).unwrap();
        assert_eq!((one.steps().unwrap(), latest(&one)), (vec![2, 3], (2, 1)));
        one.save(3, &checkpoint(3)).unwrap();
        assert_eq!((one.steps().unwrap(), latest(&one)), (vec![3], (3, 0)));

        fs::write(one.path(3), "damaged").unwrap();
        let error = one.latest::<u64, f32>("test").unwrap_err().to_string();
        assert!(error.contains("step-00000003.ckpt: no checkpoint"), "{error}");
    }

    #[test]
    fn a_full_disk_leaves_the_previous_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(dir.path(), 1).unwrap();
        checkpoints.save(1, &checkpoint(1)).unwrap();
        for left in [0, 10, 1000, 4000] {
            let full = |file| Failing { file, left };
            let error = checkpoints.save_through(2, &checkpoint(2), full).unwrap_err();
            assert!(
                matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
            );
            assert_eq!((checkpoints.steps().unwrap(), latest(&checkpoints)), (vec![1], (1, 0)));
        }
        checkpoints.save(2, &checkpoint(2)).unwrap();
        assert_eq!(checkpoints.steps().unwrap(), [2]);
    }

    #[test]
    fn leftovers_are_cleared_and_other_files_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("step-00000009.ckpt.tmp"), "half").unwrap();
        fs::write(dir.path().join("step-note.ckpt"), "").unwrap();
        let checkpoints = Checkpoints::open(dir.path(), 1).unwrap();
        assert!(checkpoints.steps().unwrap().is_empty());
        assert!(dir.path().join("step-note.ckpt").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(Checkpoints::open(dir.path(), 0).is_err());
    }

    #[test]
    fn nothing_is_left_of_a_run_that_is_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(dir.path(), 3).unwrap();
        checkpoints.clear().unwrap();
        checkpoints.save_best(&checkpoint(5)).unwrap();
        checkpoints.save(6, &checkpoint(6)).unwrap();
        checkpoints.save(7, &checkpoint(7)).unwrap();
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        checkpoints.clear().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_best_is_apart() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(dir.path(), 1).unwrap();
        assert!(checkpoints.best::<u64, f32>("test").unwrap().is_none());
        checkpoints.save_best(&checkpoint(5)).unwrap();
        checkpoints.save(6, &checkpoint(6)).unwrap();
        checkpoints.save(7, &checkpoint(7)).unwrap();
        assert_eq!(checkpoints.best::<u64, f32>("test").unwrap().unwrap().state, 5);
        assert!(checkpoints.best::<u64, f32>("other").is_err());
    }
}
