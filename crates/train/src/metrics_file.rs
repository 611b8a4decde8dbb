//! A run's numbers as JSON lines.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// One line of a metrics file. What is not known at a step is left out of the line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Training steps done.
    pub step: u64,
    /// Training loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Validation loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// Learning rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// Norm of all gradients, before clipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grad_norm: Option<f64>,
    /// Training speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_s: Option<f64>,
    /// Seconds since the run began or was resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Anything else, by name.
    #[serde(flatten)]
    pub more: std::collections::BTreeMap<String, f64>,
}

/// A metrics file, open for appending. Each record is one write of one line, so that a killed run loses at
/// most its last line.
///
/// ```
/// use train::{MetricsFile, Record};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("metrics.jsonl");
/// let mut metrics = MetricsFile::resume(&path, 0)?;
/// metrics.write(&Record { step: 1, loss: Some(2.5), ..Record::default() })?;
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"step\":1,\"loss\":2.5}\n");
/// assert_eq!(MetricsFile::read(&path)?[0].loss, Some(2.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Goes on after `step` (0 for a new run): records of later steps, which will be written again, and an
    /// incomplete last line are taken out.
    ///
    /// # Errors
    /// If the file cannot be used, or a line before the last is no record.
    pub fn resume(path: impl AsRef<Path>, step: u64) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        if path.exists() {
            let mut records = Self::read(&path)?;
            records.retain(|record| record.step <= step);
            let mut text = String::new();
            for record in &records {
                text.push_str(&line(&path, record)?);
            }
            nn::write_atomically(&path, |writer| writer.write_all(text.as_bytes()))
                .map_err(Error::io(&path))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::io(&path))?;
        Ok(Self { path, file })
    }

    /// Appends a record. Numbers that are not finite become null, which JSON has instead.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, record: &Record) -> Result<(), Error> {
        self.file.write_all(line(&self.path, record)?.as_bytes()).map_err(Error::io(&self.path))
    }

    /// All records of a file; an incomplete last line is left out.
    ///
    /// # Errors
    /// If it cannot be read, or a complete line is no record.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<Record>, Error> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let record = |(i, line): (usize, &str)| {
            serde_json::from_str(line)
                .map_err(|error| Error::format(path, format!("line {}: {error}", i + 1)))
        };
        complete.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(record).collect()
    }
}

fn line(path: &Path, record: &Record) -> Result<String, Error> {
    let mut finite = record.clone();
    // A null would not come back as a number; what is not a number is simply not known.
    finite.more.retain(|_, value| value.is_finite());
    let line = serde_json::to_string(&finite).map_err(|error| Error::format(path, error.to_string()))?;
    Ok(line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64) -> Record {
        let more = [("entropy".to_owned(), 0.5)].into();
        Record { step, loss: Some(1.0 / step as f64), more, ..Record::default() }
    }

    #[test]
    fn a_resumed_run_replaces_later_records() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut metrics = MetricsFile::resume(&path, 0).unwrap();
        (1..=5).for_each(|step| metrics.write(&record(step)).unwrap());
        // Killed in the middle of a line.
        fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"step\":6,\"lo").unwrap();
        assert_eq!(MetricsFile::read(&path).unwrap().len(), 5);
        let mut metrics = MetricsFile::resume(&path, 3).unwrap();
        metrics.write(&record(4)).unwrap();
        assert_eq!(MetricsFile::read(&path).unwrap(), (1..=4).map(record).collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs::write(&path, "{\"step\":1}\nnot json\n").unwrap();
        let error = MetricsFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: line 2"), "{error}");
    }

    #[test]
    fn not_a_number_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut metrics = MetricsFile::resume(&path, 0).unwrap();
        let mut bad = Record { step: 1, loss: Some(f64::NAN), ..Record::default() };
        bad.more.insert("x".into(), f64::INFINITY);
        metrics.write(&bad).unwrap();
        let found = &MetricsFile::read(&path).unwrap()[0];
        assert_eq!((found.step, found.loss, found.more.len()), (1, None, 0));
    }
}
