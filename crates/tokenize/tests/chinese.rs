//! Against Python's jieba: words, tags, offsets and users' words; against OpenCC: simplified and traditional characters
//! (all made by `fixtures/goldens/chinese.py`).

mod common;

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use tokenize::chinese::{Mode, Script, Segmenter, replacements, to_simplified, to_traditional};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Results {
    precise: Vec<String>,
    precise_dictionary: Vec<String>,
    full: Vec<String>,
    search: Vec<String>,
    search_dictionary: Vec<String>,
    tags: Vec<String>,
    tags_dictionary: Vec<String>,
    offsets: Vec<Vec<(usize, usize)>>,
    search_offsets: Vec<Vec<(usize, usize)>>,
}

#[derive(Deserialize)]
struct Cases {
    texts: Vec<String>,
    small: Results,
    full: Results,
    user: User,
}

#[derive(Deserialize)]
struct User {
    probe: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    step: Vec<Value>,
    number: Option<u64>,
    words: String,
    tags: String,
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/chinese").join(name)
}

fn cases() -> Cases {
    serde_json::from_str(&fs::read_to_string(golden("cases.json")).unwrap()).unwrap()
}

fn small() -> Segmenter {
    Segmenter::from_file(golden("dict.txt")).unwrap()
}

/// jieba's dictionary, if it has been fetched.
fn whole_dictionary() -> Option<PathBuf> {
    common::fetched("jieba", "jieba/dict.txt")
}

fn cut<'t>(segmenter: &Segmenter, text: &'t str, mode: Mode) -> Vec<&'t str> {
    segmenter.cut_as(text, mode).map(|range| &text[range]).collect()
}

fn tag(segmenter: &Segmenter, text: &str, hmm: bool) -> String {
    let tagged: Vec<_> =
        segmenter.tag(text, hmm).map(|word| format!("{}|{}", &text[word.range], word.tag)).collect();
    tagged.join("/")
}

fn offsets(segmenter: &Segmenter, text: &str, mode: Mode) -> Vec<(usize, usize)> {
    segmenter.words(text, mode).map(|word| (word.chars.start, word.chars.end)).collect()
}

fn compare(segmenter: &Segmenter, texts: &[String], expected: &Results) {
    for (i, text) in texts.iter().enumerate() {
        for (mode, words) in [
            (Mode::Precise { hmm: true }, &expected.precise),
            (Mode::Precise { hmm: false }, &expected.precise_dictionary),
            (Mode::Full, &expected.full),
            (Mode::Search { hmm: true }, &expected.search),
            (Mode::Search { hmm: false }, &expected.search_dictionary),
        ] {
            assert_eq!(cut(segmenter, text, mode).join("/"), words[i], "{mode:?} of {text:?}");
        }
        for (hmm, tags) in [(true, &expected.tags), (false, &expected.tags_dictionary)] {
            assert_eq!(tag(segmenter, text, hmm), tags[i], "tags of {text:?}, hmm {hmm}");
        }
        assert_eq!(offsets(segmenter, text, Mode::default()), expected.offsets[i], "{text:?}");
        assert_eq!(
            offsets(segmenter, text, Mode::Search { hmm: true }),
            expected.search_offsets[i],
            "{text:?}"
        );
    }
}

#[test]
fn every_mode_gives_jiebas_words_with_a_small_dictionary() {
    let cases = cases();
    compare(&small(), &cases.texts, &cases.small);
}

#[test]
fn every_mode_gives_jiebas_words_with_its_dictionary() {
    let Some(path) = whole_dictionary() else { return };
    let cases = cases();
    compare(&Segmenter::from_file(path).unwrap(), &cases.texts, &cases.full);
}

#[test]
fn users_words_have_jiebas_effect() {
    let User { probe, steps } = cases().user;
    let mut segmenter = small();
    for Step { step, number, words, tags } in steps {
        let word = step[1].as_str().unwrap_or_default();
        let told = match step[0].as_str().unwrap() {
            "add" => Some(segmenter.add_word(word, step[2].as_u64(), step[3].as_str()).unwrap()),
            "split" => {
                let parts: Vec<&str> =
                    step[1].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
                let frequency = segmenter.suggest_split_frequency(&parts);
                Some(segmenter.add_word(&parts.concat(), Some(frequency), None).unwrap())
            }
            "remove" => segmenter.remove_word(word).map(|()| None).unwrap(),
            "load" => segmenter.add_user_words(word).map(|()| None).unwrap(),
            "suggest" => Some(segmenter.suggest_frequency(word)),
            other => panic!("no step {other}"),
        };
        assert_eq!(told, number, "{step:?}");
        assert_eq!(cut(&segmenter, &probe, Mode::default()).join("/"), words, "{step:?}");
        assert_eq!(tag(&segmenter, &probe, true), tags, "{step:?}");
    }
}

#[test]
fn precise_words_follow_each_other_without_gap() {
    let text = fs::read_to_string(golden("../../text/sanguo.txt")).unwrap();
    let segmenter = small();
    for hmm in [true, false] {
        let end = segmenter.cut_as(&text, Mode::Precise { hmm }).fold(0, |end, word| {
            assert_eq!(word.start, end);
            assert!(!word.is_empty() && text.get(word.clone()).is_some());
            word.end
        });
        assert_eq!(end, text.len());
    }
}

#[test]
fn what_is_no_dictionary_is_refused_with_its_line() {
    for (text, expected) in [
        ("好 1 a\n坏", "dictionary: line 2: expected `word frequency tag`, found `坏`"),
        ("好 一 a", "dictionary: line 1: expected a frequency, found `一`"),
        ("好 -1 a", "dictionary: line 1: expected a frequency, found `-1`"),
        ("好 1 a b", "dictionary: line 1: expected `word frequency tag`, found more in `好 1 a b`"),
        ("好 18446744073709551615\n坏 1", "dictionary: frequencies: their sum exceeds 2^64"),
    ] {
        assert_eq!(Segmenter::from_text(text).unwrap_err().to_string(), expected);
    }
    let missing = Segmenter::from_file("no/such/file").unwrap_err().to_string();
    assert!(missing.starts_with("no/such/file: "), "{missing}");

    let mut segmenter = small();
    assert!(segmenter.add_word("", Some(1), None).is_err());
    let error = segmenter.add_user_words("好\n坏 99999999999999999999 a").unwrap_err().to_string();
    assert_eq!(
        error,
        "user dictionary: line 2: expected a frequency below 2^64 in `坏 99999999999999999999 a`"
    );
    assert_eq!(
        segmenter.add_word("好", Some(u64::MAX), None).unwrap_err().to_string(),
        "the sum of all frequencies exceeds 2^64"
    );
}

#[test]
fn a_model_in_text_form_replaces_the_own() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("hmm_model.utf8");
    let model = |emissions: &str| {
        format!(
            "#start\n-0.1 -3.14e+100 -3.14e+100 -2\n#B E M S\n-3e100 -0.1 -2 -3e100\n-1 -3e100 -3e100 -1\n-3e100 -1 -1 -3e100\n-1 -3e100 -3e100 -1\n{emissions}"
        )
    };
    let mut segmenter = Segmenter::new();
    // Two characters that stand at the beginning and at the end of a word.
    fs::write(&path, model("#B\n甲:-1,乙:-9\n\n#E\n乙:-1,甲:-9\n#M\n甲:-9\n#S\n甲:-5,乙:-5\n")).unwrap();
    segmenter.load_hmm(&path).unwrap();
    assert_eq!(cut(&segmenter, "甲乙甲乙", Mode::default()), ["甲乙", "甲乙"]);
    // And now the other way round.
    fs::write(&path, model("乙:-1,甲:-9\n甲:-1,乙:-9\n甲:-9\n甲:-5,乙:-5\n")).unwrap();
    segmenter.load_hmm(&path).unwrap();
    assert_eq!(cut(&segmenter, "乙甲乙甲", Mode::default()), ["乙甲", "乙甲"]);

    for (content, expected) in [
        ("-1 -1 -1", "line 1: expected a logarithm, found ``"),
        ("-1 -1 -1 -1 -1", "line 1: expected 4 numbers, found more: `-1`"),
        ("-1 -1 -1 2", "line 1: expected a logarithm of a probability, found `2`"),
        ("-1 -1 -1 -1\n", "end of file: expected a line of transition probabilities"),
        (&model("甲-1\n"), "line 8: expected `character:logarithm`, found `甲-1`"),
        (&model("甲:nan\n"), "line 8: expected a logarithm of a probability, found `nan`"),
    ] {
        fs::write(&path, content).unwrap();
        let error = segmenter.load_hmm(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{}: {expected}", path.display()));
    }
}

#[test]
fn scripts_are_converted_as_by_opencc() {
    let json = fs::read_to_string(golden("scripts.json")).unwrap();
    let cases: std::collections::HashMap<String, Vec<(String, String)>> =
        serde_json::from_str(&json).unwrap();
    for (text, expected) in &cases["s2t"] {
        assert_eq!(to_traditional(text), *expected, "{text}");
    }
    for (text, expected) in &cases["t2s"] {
        assert_eq!(to_simplified(text), *expected, "{text}");
    }
}

#[test]
fn a_character_takes_the_place_of_a_character() {
    let text = fs::read_to_string(golden("../../text/sanguo.txt")).unwrap();
    let traditional = to_traditional(&text);
    assert_eq!(traditional.chars().count(), text.chars().count());
    let changed = text.char_indices().zip(traditional.chars()).filter(|((_, from), with)| from != with);
    let changed = changed.map(|((at, from), with)| (at..at + from.len_utf8(), with));
    let told =
        replacements(&text, Script::Traditional).map(|replacement| (replacement.range, replacement.with));
    assert!(told.eq(changed));
    assert!(traditional.contains("話說天下大勢"));
    assert!(to_simplified(&traditional).contains("话说天下大势"));
}

#[test]
fn words_and_scripts_are_parts_of_pipelines() {
    use tokenize::chinese::{Script, to_simplified};
    use tokenize::model::{Model, WordLevel};
    use tokenize::normalise::Normalizer;
    use tokenize::pre::{ChineseWords, PreTokenizer};
    use tokenize::{Parts, Pipeline};

    let dictionary = fs::read_to_string(golden("dict.txt")).unwrap();
    let (segmenter, text) = (small(), "曹操謂劉備曰：「今天下英雄，惟使君與操耳。」");
    let simplified = to_simplified(text);
    let words: Vec<&str> = cut(&segmenter, &simplified, Mode::default());
    let vocab: std::collections::BTreeSet<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let model = Model::WordLevel(WordLevel::new(vocab.into_iter().zip(0..), "曹操").unwrap());
    let pipeline = Pipeline::new(Parts {
        normalizer: Some(Normalizer::ChineseScript(Script::Simplified)),
        pre_tokenizer: Some(PreTokenizer::ChineseWords(ChineseWords::new(dictionary, true).unwrap())),
        ..Parts::new(model)
    })
    .unwrap();
    let encoding = pipeline.encode(text, false).unwrap();
    assert_eq!(encoding.tokens, words);
    assert_eq!(pipeline.encode_ids(text, false).unwrap(), encoding.ids);
    // Every word stands where the traditional characters are.
    for (offset, word) in encoding.offsets.iter().zip(&words) {
        assert_eq!(to_simplified(&text[offset.clone()]), *word);
    }
    let json = pipeline.to_json();
    let again = Pipeline::from_json(&json).unwrap();
    assert_eq!(again.normalizer(), pipeline.normalizer());
    assert_eq!(again.pre_tokenizer(), pipeline.pre_tokenizer());
    assert_eq!(again.to_json(), json);
    assert_eq!(again.encode(text, false).unwrap(), encoding);

    let bad = json.replacen("\"Simplified\"", "\"Cursive\"", 1);
    let error = Pipeline::from_json(&bad).unwrap_err().to_string();
    assert!(error.contains("normalizer") && error.contains("script"), "{error}");
    let bad = json.replacen("\"dictionary\": \"", "\"dictionary\": \"曹操 many nr\\n", 1);
    let error = Pipeline::from_json(&bad).unwrap_err().to_string();
    assert!(error.contains("pre_tokenizer") && error.contains("line 1"), "{error}");
}
