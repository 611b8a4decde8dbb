//! The models on words small enough to do by hand.

use tokenize::model::{Bpe, BpeOptions, Model, Piece, Unigram, WordLevel, WordPiece, WordPieceOptions};

fn numbered<'t>(tokens: impl IntoIterator<Item = &'t str>) -> Vec<(String, u32)> {
    tokens.into_iter().map(str::to_owned).zip(0..).collect()
}

fn ids(model: &Model, word: &str) -> Vec<u32> {
    let mut pieces = Vec::new();
    model.pieces(word, &mut pieces).unwrap();
    pieces.iter().map(|piece| piece.id).collect()
}

fn bpe(tokens: &[&str], merges: &[(&str, &str)], options: BpeOptions) -> Model {
    let merges = merges.iter().map(|&(left, right)| (left.to_owned(), right.to_owned()));
    Model::Bpe(Bpe::new(numbered(tokens.iter().copied()), merges, options).unwrap())
}

#[test]
fn bpe_merges_by_rank_and_then_from_the_left() {
    let model =
        bpe(&["a", "b", "ab", "aa", "aab"], &[("a", "a"), ("a", "b"), ("aa", "b")], BpeOptions::default());
    assert_eq!(ids(&model, "aaab"), [3, 2]);
    assert_eq!(ids(&model, "aab"), [4]);
    // Longer than what is searched by scanning.
    assert_eq!(ids(&model, &"a".repeat(101)), [vec![3; 50], vec![0]].concat());
    // Without an unknown token, what is unknown vanishes.
    assert_eq!(ids(&model, "axb"), [2]);
}

#[test]
fn bpe_spells_unknown_characters_as_its_options_say() {
    let unk = || BpeOptions { unk_token: Some("u".to_owned()), ..BpeOptions::default() };
    assert_eq!(ids(&bpe(&["u", "a"], &[], unk()), "xyaz"), [0, 0, 1, 0]);
    let fused = bpe(&["u", "a"], &[], BpeOptions { fuse_unk: true, ..unk() });
    assert_eq!(ids(&fused, "xyaz"), [0, 1, 0]);
    let bytes = ["u", "a", "<0xC3>", "<0xA9>"];
    assert_eq!(ids(&bpe(&bytes, &[], BpeOptions { byte_fallback: true, ..unk() }), "éaß"), [2, 3, 1, 0]);
}

#[test]
fn bpe_marks_where_a_word_goes_on_and_ends() {
    let options = BpeOptions { continuing_subword_prefix: Some("##".to_owned()), ..BpeOptions::default() };
    let model = bpe(&["a", "##b", "##c", "ab", "##bc"], &[("##b", "##c"), ("a", "##b")], options);
    assert_eq!(ids(&model, "abc"), [0, 4]);
    assert_eq!(ids(&model, "ab"), [3]);
    let options = BpeOptions { end_of_word_suffix: Some("</w>".to_owned()), ..BpeOptions::default() };
    let model = bpe(&["a", "b", "b</w>", "ab</w>"], &[("a", "b</w>")], options);
    assert_eq!(ids(&model, "bab"), [1, 3]);
}

#[test]
fn word_piece_takes_the_longest_or_nothing() {
    let tokens = ["[UNK]", "a", "ab", "##b", "##bc", "##c"];
    let model = WordPiece::new(numbered(tokens), WordPieceOptions::default()).unwrap();
    let model = Model::WordPiece(model);
    assert_eq!(ids(&model, "abc"), [2, 5]);
    assert_eq!(ids(&model, "abbc"), [2, 4]);
    assert_eq!(ids(&model, "abx"), [0]);
    assert_eq!(ids(&model, &format!("a{}", "b".repeat(99))), [vec![2], vec![3; 98]].concat());
    assert_eq!(ids(&model, &format!("a{}", "b".repeat(100))), [0]);
}

#[test]
fn a_word_that_cannot_be_expressed_is_an_error() {
    let vocab = || numbered(["a"]);
    let named = BpeOptions { unk_token: Some("<unk>".to_owned()), ..BpeOptions::default() };
    let models = [
        Model::Bpe(Bpe::new(vocab(), [], named).unwrap()),
        Model::WordPiece(WordPiece::new(vocab(), WordPieceOptions::default()).unwrap()),
        Model::WordLevel(WordLevel::new(vocab(), "<unk>").unwrap()),
        Model::Unigram(Unigram::new([("a".to_owned(), 0.0)], None, false).unwrap()),
    ];
    for model in models {
        let mut pieces = vec![Piece { id: 7, range: 0..1 }];
        let error = model.pieces("aé", &mut pieces).unwrap_err();
        assert!(error.to_string().starts_with("the vocabulary cannot express \"aé\" and "), "{error}");
        assert_eq!(pieces.len(), 1);
        assert_eq!(ids(&model, "a"), [0]);
    }
}

#[test]
fn merges_that_do_not_fit_are_named() {
    let new = |left: &str, right: &str| {
        let merges = [("a", "b"), (left, right)].map(|(left, right)| (left.to_owned(), right.to_owned()));
        Bpe::new(numbered(["a", "b", "ab"]), merges, BpeOptions::default()).unwrap_err().to_string()
    };
    assert_eq!(new("a", "c"), "merges[1]: \"c\" is not in the vocabulary");
    assert_eq!(new("b", "a"), "merges[1]: \"ba\" is not in the vocabulary");
}

mod drawn {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Every way to cut a word into tokens, with its score.
    fn all_paths(vocab: &[(String, f64)], word: &str) -> Vec<(Vec<u32>, f64)> {
        if word.is_empty() {
            return vec![(Vec::new(), 0.0)];
        }
        let mut paths = Vec::new();
        for (id, (token, score)) in (0..).zip(vocab).filter(|(_, (token, _))| !token.is_empty()) {
            if let Some(rest) = word.strip_prefix(&token[..]) {
                for (mut path, rest_score) in all_paths(vocab, rest) {
                    path.insert(0, id);
                    paths.push((path, score + rest_score));
                }
            }
        }
        paths
    }

    fn vocabulary() -> impl Strategy<Value = Vec<(String, f64)>> {
        let token = prop_oneof!["[ab]{2,4}", "[abé]{2,3}"];
        prop::collection::btree_map(token, -8.0..0.0f64, 0..12).prop_map(|others| {
            let letters = ["a", "b", "é"].map(|letter| (letter.to_owned(), -3.0));
            letters.into_iter().chain(others).collect()
        })
    }

    fn path(pieces: &[Piece]) -> Vec<u32> {
        pieces.iter().map(|piece| piece.id).collect()
    }

    proptest! {
        #[test]
        fn the_best_paths_are_the_best_of_all(vocab in vocabulary(), word in "[abé]{0,9}", n in 1usize..40) {
            let model = Unigram::new(vocab.clone(), None, false).unwrap();
            let mut all = all_paths(&vocab, &word);
            all.sort_by(|left, right| right.1.total_cmp(&left.1));
            let found = model.n_best(&word, n).unwrap();
            prop_assert_eq!(found.len(), all.len().min(n));
            for ((pieces, score), (_, expected)) in found.iter().zip(&all) {
                prop_assert!((score - expected).abs() < 1e-9);
                let ids = path(pieces);
                let among_all = all.iter().find(|(path, _)| *path == ids);
                prop_assert!(among_all.is_some_and(|(_, own)| (own - score).abs() < 1e-9));
            }
            let mut distinct: Vec<Vec<u32>> = found.iter().map(|(pieces, _)| path(pieces)).collect();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), found.len());
            let mut best = Vec::new();
            model.pieces(&word, &mut best).unwrap();
            let best = path(&best).iter().map(|&id| vocab[id as usize].1).sum::<f64>();
            prop_assert!((best - all[0].1).abs() < 1e-9);
        }

        /// What a word is cut into does not depend on the words before it.
        #[test]
        fn buffers_leave_no_trace(vocab in vocabulary(), words in prop::collection::vec("[abéx]{0,16}", 1..30)) {
            let vocab: Vec<_> = [("u".to_owned(), 0.0)].into_iter().chain(vocab).collect();
            let tokens: Vec<String> = vocab.iter().map(|(token, _)| token.clone()).collect();
            let merges = tokens.iter().filter(|token| token.chars().count() == 2).map(|token| {
                let (left, right) = token.split_at(token.char_indices().nth(1).unwrap().0);
                (left.to_owned(), right.to_owned())
            });
            let options = BpeOptions { unk_token: Some("u".to_owned()), fuse_unk: true, ..BpeOptions::default() };
            let models = [
                Model::Bpe(Bpe::new(tokens.iter().cloned().zip(0..), merges, options).unwrap()),
                Model::Unigram(Unigram::new(vocab.clone(), Some(0), false).unwrap()),
            ];
            let mut scratch = Default::default();
            for word in words.iter().chain(&words) {
                for model in &models {
                    let (mut with, mut alone) = (Vec::new(), Vec::new());
                    model.pieces_with(word, &mut scratch, &mut with).unwrap();
                    model.pieces(word, &mut alone).unwrap();
                    prop_assert_eq!(&with, &alone);
                    prop_assert_eq!(with.last().map_or(0, |piece| piece.range.end), word.len());
                }
            }
        }
    }

    #[test]
    fn paths_are_drawn_in_proportion_to_their_probability() {
        let vocab: Vec<(String, f64)> = [("a", -1.0), ("b", -1.2), ("ab", -1.5), ("ba", -2.5), ("aba", -2.0)]
            .map(|(t, s)| (t.to_owned(), s))
            .into();
        let model = Unigram::new(vocab.clone(), None, false).unwrap();
        for alpha in [0.0, 0.5, 2.0] {
            let weight = |score: f64| (alpha * score).exp();
            let all = all_paths(&vocab, "ababa");
            let total: f64 = all.iter().map(|&(_, score)| weight(score)).sum();
            let mut rng = ChaCha8Rng::seed_from_u64(9);
            let mut drawn: HashMap<Vec<u32>, f64> = HashMap::new();
            let draws = 20_000;
            for _ in 0..draws {
                let mut pieces = Vec::new();
                model.sample_pieces("ababa", alpha, &mut rng, &mut pieces).unwrap();
                *drawn.entry(path(&pieces)).or_default() += 1.0;
            }
            for (path, score) in all {
                let expected = weight(score) / total;
                let found = drawn.get(&path).copied().unwrap_or(0.0) / f64::from(draws);
                // Four standard deviations.
                let tolerance = 4.0 * (expected * (1.0 - expected) / f64::from(draws)).sqrt();
                assert!((found - expected).abs() < tolerance, "{alpha} {path:?}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn dropout_is_between_characters_and_all_merges() {
        let merges = [("a", "b"), ("ab", "c")].map(|(left, right)| (left.to_owned(), right.to_owned()));
        let model = Bpe::new(numbered(["a", "b", "c", "ab", "abc"]), merges, BpeOptions::default()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut draw = |dropout| {
            let mut pieces = Vec::new();
            model.sample_pieces("abc", dropout, &mut rng, &mut pieces).unwrap();
            path(&pieces)
        };
        assert_eq!((draw(0.0), draw(1.0)), (vec![4], vec![0, 1, 2]));
        let draws = 4000;
        let mut counts: HashMap<Vec<u32>, u32> = HashMap::new();
        for _ in 0..draws {
            *counts.entry(draw(0.3)).or_default() += 1;
        }
        // The first merge is left out with probability 0.3; once it is made, so is the second.
        for (path, expected) in [(vec![0, 1, 2], 0.3), (vec![3, 2], 0.7 * 0.3), (vec![4], 0.7 * 0.7)] {
            let found = f64::from(counts[&path]) / f64::from(draws);
            assert!((found - expected).abs() < 0.03, "{path:?}: {found} for {expected}");
        }
    }
}

#[test]
fn a_vocabulary_of_lines_is_written_as_it_was_read() {
    let options = WordPieceOptions::default;
    let model = WordPiece::from_vocab_text("[PAD]\n[UNK] \r\na\nb\na", options()).unwrap();
    // The last of equal lines counts, so an id is missing.
    assert_eq!(model.vocab().collect::<Vec<_>>(), [("[PAD]", 0), ("[UNK]", 1), ("b", 3), ("a", 4)]);
    let error = model.to_vocab_text().unwrap_err().to_string();
    assert_eq!(error, "vocab.txt cannot leave out ids, and 2 has no token");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.txt");
    let model = WordPiece::new(numbered(["[UNK]", "a", "##b"]), options()).unwrap();
    model.save_vocab_file(&path).unwrap();
    let read = WordPiece::from_vocab_file(&path, options()).unwrap();
    assert!(read.vocab().eq(model.vocab()));
    let odd = WordPiece::new(numbered(["[UNK]", "a\nb"]), options()).unwrap();
    assert_eq!(
        odd.to_vocab_text().unwrap_err().to_string(),
        r#""a\nb" (id 1) cannot be a line of vocab.txt"#
    );
    assert!(WordPiece::from_vocab_file(folder.path().join("none"), options()).is_err());
}

#[test]
fn a_megabyte_of_one_letter_is_no_special_case() {
    let word = "a".repeat(1 << 20);
    let lengths = [1usize, 2, 3, 7, 50];
    let tokens: Vec<String> = lengths.iter().map(|&length| "a".repeat(length)).collect();
    let continuing = tokens.iter().map(|token| format!("##{token}"));
    let vocab = ["[UNK]".to_owned()].into_iter().chain(tokens.iter().cloned()).chain(continuing).zip(0..);
    let options = WordPieceOptions { max_input_chars_per_word: usize::MAX, ..WordPieceOptions::default() };
    let word_piece = Model::WordPiece(WordPiece::new(vocab, options).unwrap());
    let scored = tokens.iter().map(|token| (token.clone(), -1.0 - token.len() as f64 / 10.0));
    let unigram = Model::Unigram(Unigram::new(scored, None, false).unwrap());
    let double = |length: usize| ("a".repeat(length), "a".repeat(length));
    let doubled = (0..10).map(|power| "a".repeat(1 << power)).zip(0..);
    let merges = (0..9).map(|power| double(1 << power));
    let bpe = Model::Bpe(Bpe::new(doubled, merges, BpeOptions::default()).unwrap());
    for (model, expected) in [(word_piece, (1usize << 20).div_ceil(50)), (unigram, 0), (bpe, 1 << 11)] {
        let ids = ids(&model, &word);
        assert!(ids.len() >= expected && ids.len() < 30_000, "{model:?}: {}", ids.len());
    }
}

#[test]
fn tokens_of_unigram_have_a_longest() {
    let vocab = |length: usize| [("<unk>".to_owned(), 0.0), ("a".repeat(length), -1.0)];
    assert!(Unigram::new(vocab(7999), Some(0), false).is_ok());
    let error = Unigram::new(vocab(8000), Some(0), false).unwrap_err().to_string();
    assert!(error.contains("vocab[1]: a token of 8000 bytes"), "{error}");
}
