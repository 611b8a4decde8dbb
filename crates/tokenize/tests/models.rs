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
