//! Files of vectors: those that gensim wrote, those written here, and those that are broken.

use std::path::{Path, PathBuf};

use embed::io::{Duplicates, Format, Load};
use embed::{Vectors, Words, corpus::InvalidUtf8};
use proptest::prelude::*;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens")
}

const FORMATS: [(Format, &str); 5] = [
    (Format::Word2VecText, "txt"),
    (Format::Word2VecBinary, "bin"),
    (Format::Glove, "glove"),
    (Format::Npy, "npy"),
    (Format::Safetensors, "safetensors"),
];

#[test]
fn files_of_gensim_and_word2vec_are_read() {
    let all = Vectors::load(goldens().join("word2vec/sg-ns.bin")).unwrap();
    assert_eq!(all.dim(), 10);
    let few = Load::new().limit(40).file(goldens().join("word2vec/sg-ns.bin")).unwrap();
    let binary = Vectors::load(goldens().join("vectors/gensim.bin")).unwrap();
    assert_eq!(binary, few);
    assert_eq!(Vectors::load(goldens().join("vectors/gensim.txt")).unwrap(), few);
    assert_eq!(few.words().word(39), all.words().word(39));
}

fn vectors() -> impl Strategy<Value = Vectors> {
    let value =
        prop_oneof![4 => -2.0f32..2.0, 1 => proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL];
    let words = prop::collection::btree_set("[a-z三国.0-9é-]{1,6}", 1..20);
    (words, 1usize..40).prop_flat_map(move |(words, dim)| {
        prop::collection::vec(value.clone(), words.len() * dim)
            .prop_map(move |data| Vectors::new(Words::from_words(&words).unwrap(), dim, data).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_written_is_read(vectors in vectors()) {
        let dir = tempfile::tempdir().unwrap();
        for (format, ending) in FORMATS {
            let path = dir.path().join(format!("vectors.{ending}"));
            vectors.save(&path, format).unwrap();
            prop_assert_eq!(&Load::new().format(format).file(&path).unwrap(), &vectors, "{:?}", format);
        }
        for ending in ["npy", "safetensors"] {
            let mapped = Vectors::open(dir.path().join(format!("vectors.{ending}"))).unwrap();
            prop_assert!(mapped.is_mapped());
            prop_assert_eq!(&mapped, &vectors);
            let (_, data) = mapped.into_parts();
            prop_assert_eq!(&data[..], vectors.data());
        }
        // No temporary file stays behind.
        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), FORMATS.len() + 1);
    }

    /// Any part of a file is an error or, where only a line end is missing, the whole; never a panic.
    #[test]
    fn a_cut_file_is_an_error(vectors in vectors(), at in 0.0f64..1.0) {
        let dir = tempfile::tempdir().unwrap();
        for (format, ending) in FORMATS {
            let path = dir.path().join(format!("vectors.{ending}"));
            vectors.save(&path, format).unwrap();
            let whole = std::fs::read(&path).unwrap();
            let cut = (whole.len() as f64 * at) as usize;
            std::fs::write(&path, &whole[..cut]).unwrap();
            match Load::new().format(format).file(&path) {
                // A text may end within its last number, and one without a header after any line.
                Ok(read) if matches!(format, Format::Glove | Format::Word2VecText) => {
                    prop_assert!(read.len() <= vectors.len());
                }
                Ok(read) => prop_assert!(cut + 1 == whole.len() && read == vectors, "{:?}", format),
                Err(error) => prop_assert!(error.to_string().contains("vectors."), "{}", error),
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), header in "[0-9]{1,14} [0-9]{1,3}\n") {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let npy = [b"\x93NUMPY\x01\x00".as_slice(), &bytes].concat();
        for content in [bytes.clone(), [header.as_bytes(), &bytes].concat(), npy] {
            std::fs::write(&path, content).unwrap();
            for (format, _) in FORMATS {
                let _ = Load::new().format(format).file(&path);
            }
            let _ = Vectors::load(&path);
            let _ = Vectors::open(&path);
        }
    }
}

/// What reading a file with this content says.
fn message(content: &[u8], load: &Load) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v");
    std::fs::write(&path, content).unwrap();
    let result = load.file(&path);
    match result {
        Ok(vectors) => format!("{:?} {:?}", vectors.words(), vectors.data()),
        Err(error) => error.to_string().rsplit_once("/v: ").unwrap().1.to_owned(),
    }
}

#[test]
fn faults_of_texts_are_told() {
    let text = |content: &str| message(content.as_bytes(), &Load::new().format(Format::Word2VecText));
    assert_eq!(text(""), "the file: it is empty");
    assert_eq!(text("words\n"), "line 1: expected the number of words and of dimensions");
    assert_eq!(
        text("1000000000000 100\na 1 2\n"),
        "the first line: 1000000000000 words of 100 dimensions, in a file of 24 bytes"
    );
    assert_eq!(text("3 2\na 1 2\nb 1 2\n"), "line 4: the file ends after 2 of the 3 words that line 1 says");
    assert_eq!(text("1 2\na 1 2\nb 1 2\n"), "line 3: more words than the 1 that line 1 says");
    assert_eq!(text("2 2\na 1 2\nb 1\n"), "line 3: expected a word and 2 numbers, found 2 fields");
    assert_eq!(text("2 2\na 1 2\nb 1 x\n"), "line 3: \"x\" is no number");
    assert_eq!(text("1 2\na 1 NaN\n"), "line 2: number 2 of \"a\" is NaN, expected finite ones");
    assert_eq!(text("1 2\na 1 1e39\n"), "line 2: number 2 of \"a\" is inf, expected finite ones");
    assert_eq!(text("2 1\na 1\na 2\n"), "line 3: \"a\" is also word 1");
    // Blanks and line ends of all kinds, and none at the end.
    assert_eq!(text("2 2\r\na 1 2 \r\nNew York\t1 2"), "[\"a\", \"New York\"] [1.0, 2.0, 1.0, 2.0]");
    let glove = |content: &str| message(content.as_bytes(), &Load::new());
    assert_eq!(glove("a 1 2\n. . 1 2\n"), "[\"a\", \". .\"] [1.0, 2.0, 1.0, 2.0]");
    assert_eq!(glove("a\n"), "line 1: expected a word and its numbers");
    let long = format!("2 1\na 1\n{} 1\n", "b".repeat(1 << 17));
    assert_eq!(text(&long), "byte 8: a line is longer than 65600 bytes");
}

#[test]
fn damaged_headers_and_line_ends_are_no_words() {
    let read = |content: &str| message(content.as_bytes(), &Load::new());
    assert_eq!(read("\u{feff}2 2\na 1 2\nb 3 4\n"), "[\"a\", \"b\"] [1.0, 2.0, 3.0, 4.0]");
    assert_eq!(read("\u{feff}a 1 2\nb 3 4\n"), "[\"a\", \"b\"] [1.0, 2.0, 3.0, 4.0]");
    for header in ["99999999999999999999999 100", "-3 2", "3 2.5", "1e3\t2 \r"] {
        let expected = "line 1: expected the number of words and of dimensions";
        assert_eq!(read(&format!("{header}\na 1 2\n")), expected, "{header}");
    }
    assert_eq!(read("2 2\na 1 2\nb 3 4c 5 6\n"), "line 3: expected a word and 2 numbers, found 5 fields");
    assert_eq!(read("a 1 2\nb 3 4c 5 6\n"), "line 2: expected a word and 2 numbers, found 5 fields");
    assert_eq!(read("a 1\nb 3 4\n"), "line 2: expected a word and 1 numbers, found 3 fields");
    // Words of GloVe's, and a file whose first word is a number.
    assert_eq!(
        read("at name@domain.com 1 2\n. . 3 4\n").split_once(':').unwrap().0,
        "line 1",
        "how many numbers there are is not known yet"
    );
    assert_eq!(
        read("x 1 2\nat name@domain.com 1 2\nto nan 3 4\n95 5 6\n"),
        "[\"x\", \"at name@domain.com\", \"to nan\", \"95\"] [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]"
    );
    let glove = Load::new().format(Format::Glove);
    assert_eq!(message(b"1 2\n3 4\n", &glove), "[\"1\", \"3\"] [2.0, 4.0]");
}

#[test]
fn numbers_that_are_not_finite_are_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let words = Words::from_words(["a", "b"]).unwrap();
    let vectors = Vectors::new(words, 2, vec![1.0, 2.0, 3.0, f32::INFINITY]).unwrap();
    assert!(vectors.check_finite().is_err());
    for (format, ending) in FORMATS {
        let path = dir.path().join(format!("v.{ending}"));
        let error = vectors.save(&path, format).unwrap_err().to_string();
        assert!(error.ends_with("number 2 of \"b\" is inf, expected finite ones"), "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn words_beside_a_matrix_are_read_as_those_of_texts() {
    let dir = tempfile::tempdir().unwrap();
    let names = Words::from_words(["a", "b", "c", "d"]).unwrap();
    let vectors = Vectors::new(names, 1, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let path = dir.path().join("v.npy");
    vectors.save(&path, Format::Npy).unwrap();
    let text: &[u8] = b"a\nb\xff\na\nd\n";
    std::fs::write(path.with_extension("vocab"), text).unwrap();
    let other = dir.path().join("w.safetensors");
    // The words of a file without an index, and of one with.
    vectors.save(&other, Format::Safetensors).unwrap();
    let bytes = std::fs::read(&other).unwrap();
    let at = bytes.windows(7).position(|part| part == b"a\nb\nc\nd").unwrap();
    let changed = [&bytes[..at], b"a\n\xff\na\nd", &bytes[at + 7..]].concat();
    std::fs::write(&other, changed).unwrap();
    let duplicate = Load::new().invalid_utf8(InvalidUtf8::Replace);
    let mended = duplicate.clone().duplicates(Duplicates::KeepFirst);
    for (path, strange) in [(path, "b\u{fffd}"), (other, "\u{fffd}")] {
        let error = |load: &Load| load.file(&path).unwrap_err().to_string();
        assert!(error(&Load::new()).contains(": line 2: the word is not UTF-8"), "{}", error(&Load::new()));
        assert!(error(&duplicate).ends_with(": line 3: \"a\" is also word 1"), "{}", error(&duplicate));
        let found = mended.file(&path).unwrap();
        assert_eq!(found.data(), [1.0, 2.0, 4.0]);
        assert!(found.words().iter().eq(["a", strange, "d"]));
        assert_eq!(mended.clone().limit(3).file(&path).unwrap().data(), [1.0, 2.0]);
    }
}

/// What `numpy.save` (2.4.6) makes of `[[1.5, -2.0], [0.25, 3.0]]` in three ways.
#[test]
fn matrices_of_numpy_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.npy");
    std::fs::write(path.with_extension("vocab"), "a\nb\n").unwrap();
    let file = |header: &str, numbers: &[u8]| {
        let header = format!("{header:<117}\n");
        std::fs::write(&path, [b"\x93NUMPY\x01\x00v\x00", header.as_bytes(), numbers].concat()).unwrap();
        Vectors::load(&path)
    };
    let values = [1.5f32, -2.0, 0.25, 3.0];
    let doubles = b"\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\xd0\x3f\0\0\0\0\0\0\x08\x40";
    let singles = b"\0\0\xc0\x3f\0\0\0\xc0\0\0\x80\x3e\0\0\x40\x40";
    let read = file("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", doubles).unwrap();
    assert_eq!(read.data(), values);
    let read = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", singles).unwrap();
    assert_eq!(read.data(), values);
    // The same bytes are written.
    let theirs = std::fs::read(&path).unwrap();
    read.save(&path, Format::Npy).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), theirs);
    let error = file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", singles).unwrap_err();
    assert!(error.to_string().contains("columns come first"), "{error}");
}

#[test]
fn faults_of_words_are_told_or_mended() {
    let text = b"3 1\na 1\nb\xff 2\na 3\n";
    assert_eq!(message(text, &Load::new()), "line 3: the word is not UTF-8 at its byte 1");
    let mended = Load::new().invalid_utf8(InvalidUtf8::Replace).duplicates(Duplicates::KeepFirst);
    assert_eq!(message(text, &mended), "[\"a\", \"b\u{fffd}\"] [1.0, 2.0]");
    assert_eq!(message(text, &mended.limit(1)), "[\"a\"] [1.0]");
}

#[test]
fn faults_of_binary_files_are_told() {
    let file = |header: &str, rows: &[(&str, f32)], end: &[u8]| {
        let mut content = header.as_bytes().to_vec();
        for (word, value) in rows {
            content.extend([word.as_bytes(), b" ", &value.to_le_bytes(), end].concat());
        }
        message(&content, &Load::new().format(Format::Word2VecBinary))
    };
    let rows = [("a", 1.5), ("b", 2.5)];
    assert_eq!(file("2 1\n", &rows, b""), "[\"a\", \"b\"] [1.5, 2.5]");
    assert_eq!(file("2 1\n", &rows, b"\n"), "[\"a\", \"b\"] [1.5, 2.5]");
    assert_eq!(
        file("1 1\n", &rows, b""),
        "byte 10: the file goes on after the 1 words that its first line says"
    );
    assert_eq!(
        file("3 1\n", &rows, b"\n"),
        "word 3 at byte 17: the file ends there; the first line says 3 words"
    );
    assert_eq!(
        file("1000000000000 1\n", &rows, b""),
        "the first line: 1000000000000 words of 1 dimensions, in a file of 28 bytes"
    );
    assert_eq!(
        file("1 1\n", &[("a", f32::NAN)], b""),
        "word 1 at byte 4: number 1 of \"a\" is NaN, expected finite ones"
    );
    assert_eq!(file("2 1\n", &[("a", 1.0), ("a", 1.0)], b""), "word 2 at byte 10: \"a\" is also word 1");
}

#[test]
fn words_that_a_format_cannot_hold_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vectors = Vectors::new(Words::from_words(["New York"]).unwrap(), 1, vec![1.0]).unwrap();
    for (format, ending) in FORMATS {
        let path = dir.path().join(format!("v.{ending}"));
        let is_free = matches!(format, Format::Npy | Format::Safetensors);
        assert_eq!(vectors.save(&path, format).is_ok(), is_free);
        assert_eq!(path.exists(), is_free);
    }
}

#[test]
fn matrices_of_numpy_need_their_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.npy");
    let vectors = Vectors::new(Words::from_words(["a", "b"]).unwrap(), 1, vec![1.0, 2.0]).unwrap();
    vectors.save(&path, Format::Npy).unwrap();
    std::fs::write(path.with_extension("vocab"), "a\nb\nc\n").unwrap();
    let error = Vectors::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("v.vocab: the words: 3 words for 2 rows"), "{error}");
    std::fs::remove_file(path.with_extension("vocab")).unwrap();
    assert!(Vectors::load(&path).unwrap_err().to_string().contains("v.vocab"));
}
