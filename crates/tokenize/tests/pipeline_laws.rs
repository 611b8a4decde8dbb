//! What holds of every pipeline: the fast ways to ids give the ids of the long way, streams give the text, damaged
//! files give errors.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tokenize::model::{Model, WordLevel};
use tokenize::{AddedToken, Padding, PaddingStrategy, Parts, Pipeline, Tokenizer};

#[derive(Deserialize)]
struct Small {
    name: String,
    json: String,
}

/// The small tokenizers of the goldens, as files.
static FILES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/tokenize/pipeline/small.json");
    let cases: Vec<Small> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    cases.into_iter().filter(|case| !case.json.is_empty()).map(|case| (case.name, case.json)).collect()
});

/// Those, and variants of them whose normalisers and pre-tokenizers the fast ways must take care with.
static PIPELINES: LazyLock<Vec<(String, Pipeline)>> = LazyLock::new(|| {
    let mut pipelines: Vec<(String, Pipeline)> =
        FILES.iter().map(|(name, json)| (name.clone(), Pipeline::from_json(json).unwrap())).collect();
    let components: Value = serde_json::from_str(
        &std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/goldens/tokenize/pipeline/components.json"
        ))
        .unwrap(),
    )
    .unwrap();
    for base in ["bert 0", "llama 2 0", "xlm-roberta 0", "first metaspace 0"] {
        let (_, json) = FILES.iter().find(|(name, _)| name == base).unwrap();
        for part in ["normalizer", "pre_tokenizer"] {
            for (name, case) in components[format!("{part}s")].as_object().unwrap() {
                let mut file: Value = serde_json::from_str(json).unwrap();
                file[part] = case["spec"].clone();
                let pipeline = Pipeline::from_json(&file.to_string()).unwrap();
                pipelines.push((format!("{base} with {name}"), pipeline));
            }
        }
    }
    pipelines
});

/// Words, spaces of all kinds, and what binds to them.
fn texts() -> impl Strategy<Value = String> {
    let parts = [
        " ",
        " ",
        " ",
        "  ",
        "\n",
        "\t",
        "\r\n",
        "\u{a0}",
        "\u{3000}",
        "\u{200b}",
        "▁",
        "▁▁",
        "the",
        "a",
        "b",
        "yes",
        "unable",
        "s",
        "don't",
        ".",
        ",",
        "!",
        "-",
        "12",
        "½",
        "中",
        "文",
        "中文",
        "é",
        "e\u{301}",
        "\u{301}",
        "\u{323}",
        "\u{338}",
        "<",
        "=",
        "\u{600}",
        "\u{6dd}",
        "👍",
        "👩\u{200d}👧",
        "\u{1f3fd}",
        "ab",
        "①",
        "ａ",
        "ﬁ",
        "İ",
        "Σ",
        "\u{0}",
        "\u{ad}",
        "\u{fffd}",
        "ड\u{93c}",
        "की",
        "ไทย",
        "한",
        "\u{1112}\u{1161}",
        "<s>",
        "</s>",
        "<mask>",
        "[MASK]",
        "[CLS]",
        "<|endoftext|>",
        "Ġ",
        "ẞ",
        "É!",
        "``",
        "''",
    ];
    let known =
        prop::collection::vec(prop::sample::select(parts.to_vec()), 0..40).prop_map(|parts| parts.concat());
    prop_oneof![6 => known, 1 => any::<String>(), 1 => "[a-c ]{0,60}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ids_alone_are_those_of_the_encoding(text in texts()) {
        for (name, pipeline) in PIPELINES.iter() {
            for specials in [false, true] {
                let encoding = pipeline.encode(text.as_str(), specials).unwrap();
                let ids = pipeline.encode_ids(&text, specials).unwrap();
                prop_assert_eq!(&ids, &encoding.ids, "{}", name);
            }
            let as_text = pipeline.clone().with_specials_as_text(true);
            let ids = as_text.encode(text.as_str(), false).unwrap().ids;
            prop_assert_eq!(Tokenizer::encode(pipeline, &text).unwrap(), ids, "{}", name);
        }
    }

    #[test]
    fn streams_give_the_text_and_offsets_lie_in_it(text in texts()) {
        for (name, pipeline) in PIPELINES.iter().take(FILES.len()) {
            let encoding = pipeline.encode(text.as_str(), true).unwrap();
            let mut stream = pipeline.stream_decoder(true);
            let mut streamed = String::new();
            for &id in &encoding.ids {
                streamed += &stream.push(id).unwrap();
            }
            streamed += &stream.finish();
            prop_assert_eq!(streamed, pipeline.decode(&encoding.ids, true).unwrap(), "{}", name);
            for range in &encoding.offsets {
                prop_assert!(range.start <= range.end && range.end <= text.len(), "{name}: {range:?}");
            }
            let lengths = [
                encoding.type_ids.len(), encoding.tokens.len(), encoding.words.len(), encoding.offsets.len(),
                encoding.special_tokens_mask.len(), encoding.attention_mask.len(),
            ];
            prop_assert_eq!(lengths, [encoding.len(); 6]);
        }
    }

    #[test]
    fn damaged_files_are_errors_or_work(
        index in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), damages()), 1..4),
    ) {
        let (_, json) = &FILES[index.index(FILES.len())];
        let mut bytes = json.clone().into_bytes();
        for (place, damage) in damage {
            let at = place.index(bytes.len());
            match damage {
                Damage::Cut => bytes.truncate(at),
                Damage::Byte(byte) => bytes[at] = byte,
                Damage::Insert(text) => { bytes.splice(at..at, text.bytes()); }
                Damage::Remove(length) => { bytes.drain(at..(at + length).min(bytes.len())); }
            }
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Ok(pipeline) = Pipeline::from_json(text)
        {
            try_out(&pipeline);
        }
    }

    #[test]
    fn files_with_other_values_are_errors_or_work(
        index in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), values()), 1..4),
    ) {
        let (_, json) = &FILES[index.index(FILES.len())];
        let mut file: Value = serde_json::from_str(json).unwrap();
        for (place, value) in changes {
            let mut places = Vec::new();
            paths(&file, &mut String::new(), &mut places);
            *file.pointer_mut(&places[place.index(places.len())]).unwrap() = value;
        }
        if let Ok(pipeline) = Pipeline::from_json(&file.to_string()) {
            try_out(&pipeline);
        }
    }
}

/// Nothing that a loaded pipeline does with a text may panic or take long.
fn try_out(pipeline: &Pipeline) {
    for text in ["", "The un-able [MASK] <mask>yes é 中文 ①½", "  a\u{301} \n"] {
        if let Ok(encoding) = pipeline.encode(text, true) {
            let _ = pipeline.decode(&encoding.ids, true);
            let _ = pipeline.decode_lossy(&encoding.ids, false);
        }
        let _ = pipeline.encode_char_offsets((text, "b"), true);
        let _ = pipeline.encode_ids(text, true);
        let _ = pipeline.encode_batch([text, "a"], false);
    }
    assert!(pipeline.decode(&[u32::MAX], false).is_err() || pipeline.id_to_token(u32::MAX).is_some());
    let _ = Pipeline::from_json(&pipeline.to_json());
}

#[derive(Clone, Debug)]
enum Damage {
    Cut,
    Byte(u8),
    Insert(&'static str),
    Remove(usize),
}

fn damages() -> impl Strategy<Value = Damage> {
    let texts = [
        "\"",
        "{",
        "[",
        "]",
        "}",
        ",",
        "null",
        "-1",
        "4294967295",
        "1e400",
        "\\u0000",
        "\u{301}",
        "[[[[[[[[",
        "99999999999999999999",
    ];
    prop_oneof![
        1 => Just(Damage::Cut),
        4 => any::<u8>().prop_map(Damage::Byte),
        4 => prop::sample::select(texts.to_vec()).prop_map(Damage::Insert),
        2 => (1usize..200).prop_map(Damage::Remove),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        " ",
        "A",
        "B",
        "[CLS]",
        "▁",
        "<0x41>",
        "Isolated",
        "Left",
        "(",
        "a*",
        "[[:word:]]",
        "AAAA",
        "BPE",
        "WordPiece",
        "Unigram",
    ];
    let numbers = [0u64, 1, 2, 5, 511, 1 << 20, u64::from(u32::MAX), u64::MAX];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(numbers.to_vec()).prop_map(Value::from),
        prop::sample::select(vec![-1.5f64, 0.5, 1e308]).prop_map(Value::from),
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!({ "Fixed": 1u64 << 40 })),
    ]
}

/// The places of all values but those within the vocabulary and merges, where each stands for many.
fn paths(value: &Value, path: &mut String, out: &mut Vec<String>) {
    if !path.is_empty() {
        out.push(path.clone());
    }
    let length = path.len();
    let mut visit = |name: &str, inner: &Value| {
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        paths(inner, path, out);
        path.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().take(12).for_each(|(name, inner)| visit(name, inner)),
        Value::Array(values) => {
            values.iter().take(6).enumerate().for_each(|(index, inner)| visit(&index.to_string(), inner));
        }
        _ => {}
    }
}

#[test]
fn hostile_files_are_errors_with_a_place() {
    #[track_caller]
    fn check(changes: &[(&str, Value)], expected: &str) {
        let (_, json) = FILES.iter().find(|(name, _)| name == "bert 0").unwrap();
        let mut file: Value = serde_json::from_str(json).unwrap();
        for (place, value) in changes {
            *file.pointer_mut(place).unwrap() = value.clone();
        }
        let error = Pipeline::from_json(&file.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    use serde_json::json;
    check(&[("/normalizer/type", json!("Sorcery"))], "normalizer: unknown component Sorcery");
    check(
        &[("/pre_tokenizer", json!({ "type": "Sequence", "pretokenizers": [{ "type": "Bogus" }] }))],
        "pre_tokenizer.pretokenizers[0]: unknown component Bogus",
    );
    check(&[("/model/type", json!("Markov"))], "unknown model Markov");
    check(&[("/added_tokens/0/content", json!(""))], "added_tokens[0] (id 0)");
    check(
        &[("/model/vocab/yes", json!(4_000_000_000u32))],
        "model.vocab: id 4000000000 is beyond the file's size",
    );
    check(&[("/added_tokens/1", json!({ "id": 4_000_000_000u32, "content": "[PAD]" }))], "it comes twice");
    check(
        &[(
            "/padding",
            json!({ "strategy": { "Fixed": 1u64 << 40 }, "direction": "Right", "pad_id": 0, "pad_type_id": 0, "pad_token": "" }),
        )],
        "padding: padding to",
    );
    check(
        &[("/truncation", json!({ "max_length": -1, "strategy": "LongestFirst", "stride": 0 }))],
        "truncation: max_length: expected a number",
    );
    check(
        &[("/normalizer", json!({ "type": "Replace", "pattern": { "Regex": "(" }, "content": "" }))],
        "normalizer: the regular expression",
    );
    check(
        &[(
            "/normalizer",
            json!({ "type": "Replace", "pattern": { "Regex": "(a{1000}){1000}" }, "content": "" }),
        )],
        "normalizer: the regular expression",
    );
    check(
        &[("/normalizer", json!({ "type": "Precompiled", "precompiled_charsmap": "////" }))],
        "precompiled charsmap",
    );
    check(&[("/normalizer", json!({ "type": "Lowercase", "loudly": true }))], "unknown field loudly");
    check(&[("/version", json!("9.0"))], "version: expected 1.0");
    check(&[("/post_processor/special_tokens", json!({}))], "is not among its special tokens");
    let deep = format!("{{\"normalizer\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Pipeline::from_json(&deep).is_err());
}

#[test]
fn added_tokens_keep_to_the_model() {
    let new = |id: u32, content: &str| {
        let vocab = ["?", "a"].map(String::from).into_iter().zip(0..);
        let model = Model::WordLevel(WordLevel::new(vocab, "?").unwrap());
        let added_tokens = vec![AddedToken::new(id, content, true), AddedToken::new(9, "<mask>", true)];
        Pipeline::new(Parts { added_tokens, ..Parts::new(model) }).map_err(|error| error.to_string())
    };
    assert_eq!(new(8, "<pad>").unwrap().token_to_id("<mask>"), Some(9));
    assert!(new(0, "a").unwrap_err().contains("the model has it as 1"));
    assert!(new(1, "<pad>").unwrap_err().contains("another token of the model"));
    assert!(new(9, "<pad>").unwrap_err().contains("another added token"));
}

#[test]
fn time_is_in_proportion_to_the_text() {
    // Each of these takes minutes if anything is quadratic.
    let runs = ["a", " ", "中", "! ", "a ", "é", "<mask>", "\n", "▁"];
    for (name, pipeline) in PIPELINES.iter().take(FILES.len()) {
        for run in runs {
            let text = run.repeat(100_000 / run.len());
            let ids = pipeline.encode_ids(&text, false).unwrap();
            let encoding = pipeline.encode(text.as_str(), false).unwrap();
            assert_eq!(ids, encoding.ids, "{name}: {run:?}");
            let _ = pipeline.decode(&ids, false).unwrap();
        }
    }
}

/// A file of a few words with one part changed.
fn words(part: &str, value: Value) -> Pipeline {
    let model = serde_json::json!({ "type": "WordLevel", "vocab": { "?": 0 }, "unk_token": "?" });
    Pipeline::from_json(&serde_json::json!({ part: value, "model": model }).to_string()).unwrap()
}

#[test]
fn memory_is_in_proportion_to_the_text() {
    use serde_json::json;
    let double = json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "aa" });
    let long = json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "b".repeat(100_000) });
    let normalizers =
        |steps: Vec<Value>| words("normalizer", json!({ "type": "Sequence", "normalizers": steps }));
    for pipeline in [normalizers(vec![double.clone(); 40]), normalizers(vec![long.clone()])] {
        let error = pipeline.encode("a".repeat(100).as_str(), false).unwrap_err().to_string();
        assert!(error.contains("100 bytes of text become"), "{error}");
        assert!(pipeline.encode_ids(&"a".repeat(100), false).is_err());
    }
    assert!(normalizers(vec![double.clone(); 5]).encode("aaa", false).is_ok());

    let level =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false });
    let levels = words("pre_tokenizer", json!({ "type": "Sequence", "pretokenizers": vec![level; 40] }));
    assert!(levels.encode("é", false).unwrap_err().to_string().contains("when normalised"));

    let decoder =
        words("decoder", json!({ "type": "Sequence", "decoders": vec![double; 40] })).decoder().cloned();
    assert!(decoder.unwrap().decode(["a"]).unwrap_err().to_string().contains("when decoded"));

    let padding = |length: usize| Padding { strategy: PaddingStrategy::Fixed(length), ..Padding::default() };
    let pipeline = words("normalizer", Value::Null);
    assert!(pipeline.clone().with_padding(Some(padding(Padding::MAX_LENGTH + 1))).is_err());
    let padded = pipeline.clone().with_padding(Some(padding(Padding::MAX_LENGTH))).unwrap();
    assert_eq!(padded.encode("a", false).unwrap().len(), Padding::MAX_LENGTH);
    let error = padded.encode_batch(["a"; 17], false).unwrap_err().to_string();
    assert!(error.starts_with("padding 17 texts to 1048576 tokens"), "{error}");
}
