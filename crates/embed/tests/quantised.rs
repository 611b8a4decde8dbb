//! Files of quantised vectors: written and read, cut, changed, made up.

use std::path::Path;

use embed::{Quantised, Vectors, Words};
use proptest::prelude::*;

fn vectors(words: usize, dim: usize) -> Vectors {
    let list = Words::from_words((0..words).map(|i| format!("词{i}"))).unwrap();
    let data = (0..words * dim).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
    Vectors::new(list, dim, data).unwrap()
}

fn written(path: &Path, quantised: &Quantised) -> Vec<u8> {
    quantised.save(path).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.pq");
    for (words, dim, width) in [(1, 1, 1), (7, 5, 2), (600, 10, 3), (300, 8, 8)] {
        let quantised = Quantised::new(&vectors(words, dim), width, 3).unwrap();
        let bytes = written(&path, &quantised);
        let text: usize = quantised.words().iter().map(|word| word.len() + 1).sum::<usize>() - 1;
        assert_eq!(bytes.len(), 36 + 1024 * dim + words * dim.div_ceil(width) + text + 16);
        let read = Quantised::load(&path).unwrap();
        assert_eq!(read, quantised);
        let query = vectors(words, dim).row(0).to_vec();
        assert_eq!(read.nearest_to(&query, 5), quantised.nearest_to(&query, 5));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays behind");
}

#[test]
fn what_cannot_be_coded_is_an_error() {
    let none = Vectors::new(Words::new(), 3, Vec::new()).unwrap();
    assert!(Quantised::new(&none, 1, 1).unwrap_err().to_string().contains("at least 1"));
    let broken = Vectors::new(Words::from_words(["a"]).unwrap(), 1, vec![f32::NAN]).unwrap();
    assert!(Quantised::new(&broken, 1, 1).unwrap_err().to_string().contains("\"a\" is not finite"));
}

#[test]
fn faults_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.pq");
    let quantised = Quantised::new(&vectors(300, 4), 2, 1).unwrap();
    let whole = written(&path, &quantised);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let error = Quantised::load(&path).unwrap_err().to_string();
        error.rsplit_once("v.pq: ").unwrap().1.to_owned()
    };
    // A header that is whole but says something else.
    let claims = |words: u64| {
        with(&|bytes| {
            bytes[20..28].copy_from_slice(&words.to_le_bytes());
            let checksum = crc32(&bytes[..36]);
            bytes[36..40].copy_from_slice(&checksum.to_le_bytes());
        })
    };
    let size = whole.len();
    assert_eq!(
        claims(1_000_000_000_000),
        format!(
            "the header: the file has {size} bytes, its header says {}",
            size as u64 - 600 + 2_000_000_000_000
        )
    );
    assert!(claims(u64::MAX).starts_with("the header: the file has"));
    assert_eq!(claims(0), "the header: 0 words of 4 dimensions, 2 to a byte");
    assert_eq!(with(&|bytes| bytes[0] = b'e'), "the header: these are no quantised vectors");
    assert_eq!(with(&|bytes| bytes[8] = 2), "the header: version 2, expected 1");
    assert!(with(&|bytes| bytes[12] = 5).starts_with("the header, bytes 0 to 36: the checksum is"));
    assert!(with(&|bytes| bytes[50] ^= 1).starts_with("the centroids, bytes 40 to 4136: the checksum is"));
    assert!(with(&|bytes| bytes[4200] ^= 1).starts_with("the codes, bytes 4140 to 4740: the checksum is"));
    assert!(with(&|bytes| bytes[size - 9] ^= 1).starts_with("the words, bytes 4744 to"));
    assert!(with(&|bytes| bytes.truncate(30)).ends_with("the file ends there, after 30 bytes"));
    assert!(with(&|bytes| bytes.push(0)).starts_with("the header: the file has"));
    std::fs::write(&path, &whole).unwrap();
    let error = Vectors::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("it holds quantised vectors: `Quantised::load` reads them"), "{error}");
    let broken = Vectors::new(Words::from_words(["a\nb"]).unwrap(), 1, vec![1.0]).unwrap();
    assert!(Quantised::new(&broken, 1, 1).unwrap().save(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), whole, "the old file stays");
}

/// CRC-32 bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is cut off or flipped is noticed.
    #[test]
    fn damage_is_an_error(at in 0.0f64..1.0, bit in 0u32..8) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.pq");
        let mut bytes = written(&path, &Quantised::new(&vectors(20, 3), 2, 1).unwrap());
        let at = (bytes.len() as f64 * at) as usize;
        std::fs::write(&path, &bytes[..at]).unwrap();
        prop_assert!(Quantised::load(&path).unwrap_err().to_string().contains("v.pq: the "));
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(Quantised::load(&path).unwrap_err().to_string().contains("v.pq: the "));
    }
}
