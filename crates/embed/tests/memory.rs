//! Whatever is in a file, and whatever it says of itself, memory stays bounded.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use embed::io::{Format, Load};
use embed::{FastText, Quantised, Readers, TextFiles, Vectors, Vocab, VocabSettings, Word2Vec};

/// The system's allocator, with the bytes taken now and at most.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `f` gives, and the most MiB that it took; one at a time.
fn peak<T>(f: impl FnOnce() -> T) -> (T, usize) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = f();
    (result, (PEAK.load(Ordering::Relaxed) - before) >> 20)
}

const LONG: u64 = 100 << 20;

#[test]
fn a_line_of_100_mb_is_cut_at_white_space() {
    // Four words again and again, without a single line end.
    let words = b"abcd efgh ijkl mnop ".repeat(200);
    let line = || Ok(Again(&words, 0).take(LONG));
    let (vocab, most) = peak(|| Vocab::count(&Readers::new(line), &VocabSettings::min_count(1)).unwrap());
    assert_eq!((vocab.len(), vocab.total()), (4, LONG / 5));
    assert!(most < 8, "{most} MiB");
}

#[test]
fn a_word_of_100_mb_is_left_out() {
    let sentences = b"good bread and fresh bread\n".repeat(20);
    let text = || Ok((&sentences[..]).chain(Again(&[b'x'; 4096], 0).take(LONG)).chain(&b" good\n"[..]));
    let settings = Word2Vec::cbow().dim(8).epochs(1).sample(0.0);
    let (model, most) = peak(|| settings.train(&Readers::new(text)).unwrap());
    assert_eq!((model.vocab().len(), model.vocab().count_of("good")), (4, Some(21)));
    assert!(most < 8, "{most} MiB");
}

#[test]
fn files_of_100_mb_without_a_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long");
    let long = |start: &str| {
        let mut file = File::create(&path).unwrap();
        file.write_all(start.as_bytes()).unwrap();
        // What follows are zeros, which take no place on most disks.
        file.set_len(LONG).unwrap();
    };
    let error = |format, limit| {
        let (error, most) = peak(|| Load::new().format(format).file(&path).unwrap_err().to_string());
        assert!(most < limit, "{most} MiB for {error}");
        error.rsplit_once("long: ").unwrap().1.to_owned()
    };
    long("2 1\na 1\nb");
    assert_eq!(error(Format::Word2VecText, 2), "byte 8: a line is longer than 65600 bytes");
    long("b ");
    assert_eq!(error(Format::Glove, 64), "byte 0: the first line is longer than 16777216 bytes");
    assert_eq!(error(Format::Word2VecBinary, 2), "byte 0: the first line is longer than 100 bytes");
    long("5 1\nb");
    assert_eq!(error(Format::Word2VecBinary, 2), "byte 4: a word is longer than 65536 bytes");
    let (error, most) = peak(|| Vectors::load(&path).unwrap_err().to_string());
    assert!(most < 8 && error.contains("byte 4"), "{most} MiB: {error}");
    // As a text: three words, then zero bytes, which are white space there.
    let (error, most) =
        peak(|| Vocab::count(&TextFiles::one(&path), &VocabSettings::min_count(2)).unwrap_err());
    assert!(most < 8 && error.to_string().contains("3 distinct words"), "{most} MiB: {error}");
}

#[test]
fn headers_that_claim_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("claims");
    let message = |content: &[u8], load: &dyn Fn() -> embed::Error| {
        std::fs::write(&path, content).unwrap();
        let (error, most) = peak(|| load().to_string());
        assert!(most < 2, "{most} MiB for {error}");
        error.rsplit_once("claims: ").unwrap().1.to_owned()
    };
    for header in ["1000000000000 100\n", "1 1000000000000\n", "1000000000000 1000000000000\n"] {
        for format in [Format::Word2VecText, Format::Word2VecBinary] {
            let content = [header.as_bytes(), b"a 1 2\n"].concat();
            let found = message(&content, &|| Load::new().format(format).file(&path).unwrap_err());
            assert!(found.starts_with("the first line: 1"), "{found}");
            assert!(found.ends_with(&format!("in a file of {} bytes", content.len())), "{found}");
        }
    }
    let shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 100), }\n";
    let npy =
        [b"\x93NUMPY\x01\0", &(shape.len() as u16).to_le_bytes()[..], shape.as_bytes(), &[0; 64]].concat();
    let found = message(&npy, &|| Vectors::load(&path).unwrap_err());
    assert_eq!(found, "the header: 1000000000000 × 100 numbers need 400000000000000 bytes, the file has 64");
    assert_eq!(message(&npy, &|| Vectors::open(&path).unwrap_err()), found);

    let header =
        r#"{"vectors":{"dtype":"F32","shape":[1000000000000,100],"data_offsets":[0,400000000000000]}}"#;
    let tensors = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 64]].concat();
    let found = message(&tensors, &|| Vectors::open(&path).unwrap_err());
    assert!(found.starts_with("the header: "), "{found}");

    // dim 100 and a dictionary of 2³⁰ words.
    let numbers =
        [793_712_314, 12, 100, 5, 5, 1, 5, 1, 2, 2, 0, 0, 0, 100, 0, 0, 1 << 30, 1 << 30, 0, 0, 0, -1, -1];
    let model: Vec<u8> = numbers.iter().flat_map(|x: &i32| x.to_le_bytes()).collect();
    let found = message(&model, &|| FastText::load(&path).unwrap_err());
    assert!(found.contains("the file ends in entry 0 of 1073741824"), "{found}");
    let found = message(b"EMBEDPQ\x1a\x01\0\0\0", &|| Quantised::load(&path).unwrap_err());
    assert_eq!(found, "the header: the file ends there, after 12 bytes");
}

/// The same bytes again and again, and where in them reading goes on.
struct Again<'a>(&'a [u8], usize);

impl Read for Again<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            let part = &self.0[self.1..];
            let length = part.len().min(into.len() - filled);
            into[filled..filled + length].copy_from_slice(&part[..length]);
            self.1 = (self.1 + length) % self.0.len();
            filled += length;
        }
        Ok(filled)
    }
}
