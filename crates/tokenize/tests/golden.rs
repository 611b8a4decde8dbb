//! Against Hugging Face's `tokenizers`: trained merges, saved files, pieces and ids (made by `fixtures/goldens/bpe.py`).

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use tokenize::{ByteLevelBpe, ByteLevelBpeTrainer, Specials, Split};

#[derive(Deserialize)]
struct Cases {
    strings: Vec<String>,
    pieces: Vec<Vec<usize>>,
    ids: HashMap<String, Vec<Vec<u32>>>,
}

/// The tokenizers trained there: name, text, its bytes used, split, vocabulary, smallest frequency.
const TOKENIZERS: [(&str, &str, usize, Split, usize, u64); 3] = [
    ("shakespeare", "tiny-shakespeare.txt", 200_000, Split::Gpt2, 1500, 1),
    ("sanguo", "sanguo.txt", 90_000, Split::Gpt2, 1000, 2),
    ("sanguo-chars", "sanguo.txt", 90_000, Split::Chars, 700, 1),
];

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn cases() -> Cases {
    let json = fs::read_to_string(fixtures().join("goldens/bpe/cases.json")).unwrap();
    serde_json::from_str(&json).unwrap()
}

fn saved(name: &str) -> ByteLevelBpe {
    ByteLevelBpe::from_file(fixtures().join(format!("goldens/bpe/{name}.tokenizer.json"))).unwrap()
}

fn trained(text: &str, size: usize, split: Split, vocab_size: usize, min_frequency: u64) -> ByteLevelBpe {
    let bytes = fs::read(fixtures().join("text").join(text)).unwrap();
    // A character cut off at the end was dropped there.
    let text = bytes[..size].utf8_chunks().map(|chunk| chunk.valid()).collect::<String>();
    let trainer = ByteLevelBpeTrainer::new(vocab_size).min_frequency(min_frequency).split(split);
    trainer.special_tokens(["<|endoftext|>"]).train([text]).unwrap()
}

fn tokens(model: &ByteLevelBpe) -> Vec<&[u8]> {
    (0..model.vocab_size() as u32).map(|id| model.token(id).unwrap()).collect()
}

#[test]
fn training_gives_the_same_vocabulary_and_merges_on_any_number_of_threads() {
    for (name, text, size, split, vocab_size, min_frequency) in TOKENIZERS {
        let saved = saved(name);
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let trained = pool.install(|| trained(text, size, split, vocab_size, min_frequency));
            assert_eq!(tokens(&trained), tokens(&saved), "{name}");
            assert!(trained.merges().eq(saved.merges()), "{name}");
            assert_eq!(trained.added_tokens(), saved.added_tokens(), "{name}");
            assert_eq!(trained.split(), saved.split(), "{name}");
        }
    }
}

#[test]
fn encoding_gives_the_same_ids() {
    let cases = cases();
    assert_eq!(cases.ids.len(), TOKENIZERS.len());
    for (name, expected) in &cases.ids {
        let tokenizer = saved(name);
        for (string, expected) in cases.strings.iter().zip(expected) {
            assert_eq!(&tokenizer.encode(string), expected, "{name}: {string:?}");
            assert_eq!(&tokenizer.decode(expected).unwrap(), string, "{name}");
        }
        assert_eq!(&tokenizer.encode_batch(&cases.strings), expected, "{name}");
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let cases = cases();
    for (name, expected) in &cases.ids {
        let first = saved(name);
        let again = ByteLevelBpe::from_json(&first.to_json()).unwrap();
        assert_eq!(again.to_json(), first.to_json());
        assert_eq!(&again.encode_batch(&cases.strings), expected, "{name}");
        assert_eq!(again.encode_with("<|endoftext|>", Specials::All), [0]);

        let dir = tempfile::tempdir().unwrap();
        let (vocab, merges) = (dir.path().join("vocab.json"), dir.path().join("merges.txt"));
        first.save_vocab_and_merges(&vocab, &merges).unwrap();
        let again = ByteLevelBpe::from_vocab_and_merges(&vocab, &merges, &["<|endoftext|>"]).unwrap();
        assert_eq!(tokens(&again), tokens(&first), "{name}");
        assert!(again.merges().eq(first.merges()), "{name}");
        assert_eq!(again.added_tokens(), first.added_tokens(), "{name}");
    }
}

#[test]
fn the_split_gives_the_same_pieces() {
    let cases = cases();
    for (string, lengths) in cases.strings.iter().zip(&cases.pieces) {
        let pieces: Vec<usize> = Split::Gpt2.pieces(string).iter().map(ExactSizeIterator::len).collect();
        assert_eq!(&pieces, lengths, "{string:?}");
    }
}

#[test]
fn every_code_point_has_the_same_class() {
    let json = fs::read_to_string(fixtures().join("goldens/bpe/classes.json")).unwrap();
    let ranges: Vec<(u32, u32, char)> = serde_json::from_str(&json).unwrap();
    let mut expected = vec!['O'; 0x11_0000];
    for (first, last, class) in ranges {
        expected[first as usize..=last as usize].fill(class);
    }
    for character in '\0'..=char::MAX {
        let joins = |before: &str| Split::Gpt2.pieces(&format!("{before}{character}")).len() == 1;
        let class = match (joins("a"), joins("1"), joins("!")) {
            (true, false, false) => 'L',
            (false, true, false) => 'N',
            (false, false, true) => 'O',
            (false, false, false) => 'S',
            joined => panic!("{character:?} joins {joined:?}"),
        };
        assert_eq!(class, expected[character as usize], "{character:?}");
    }
}
