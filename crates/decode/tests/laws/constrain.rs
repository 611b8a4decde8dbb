//! Outputs that must have a form.

use decode::{
    Automaton, Beam, BeamSearch, Constrained, ConstraintError, Context, Error, Finish, Process,
    RegexAutomaton, Sampler, Sampling, Stop, Vocabulary, generate, json_schema_pattern,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::model::{END, Markov};

/// Patterns, and by hand which texts they match.
type Form = (&'static str, fn(&str) -> bool);

const FORMS: &[Form] = &[
    ("a(b|c)*d?", |text| {
        let inner = text.strip_prefix('a').map(|rest| rest.strip_suffix('d').unwrap_or(rest));
        inner.is_some_and(|inner| inner.chars().all(|c| matches!(c, 'b' | 'c')))
    }),
    ("a|ab|abc", |text| matches!(text, "a" | "ab" | "abc")),
    ("[^a]*", |text| !text.contains('a')),
    ("(ab)*", |text| text.len().is_multiple_of(2) && text.as_bytes().chunks(2).all(|pair| pair == b"ab")),
    ("é+|a?", |text| matches!(text, "" | "a") || (!text.is_empty() && text.chars().all(|c| c == 'é'))),
];

/// Token 0 ends; two tokens are halves of "é".
const TOKENS: &[&[u8]] = &[b"", b"a", b"b", b"ab", b"c", b"d", b"bcd", &[0xc3], &[0xa9], "é".as_bytes()];

fn joined(tokens: &[u32]) -> Vec<u8> {
    tokens.iter().flat_map(|&token| TOKENS[token as usize].to_vec()).collect()
}

/// All sequences of up to `most` tokens.
fn sequences(most: u32) -> Vec<Vec<u32>> {
    let count = TOKENS.len() as u32 - 1;
    let of_length = |length: u32| {
        (0..count.pow(length)).map(move |i| (0..length).map(|at| 1 + i / count.pow(at) % count).collect())
    };
    (0..=most).flat_map(of_length).collect()
}

#[test]
fn what_is_accepted_is_what_matches() {
    let vocabulary = Vocabulary::new(TOKENS);
    for (pattern, matches) in FORMS {
        let constraint = Constrained::new(RegexAutomaton::new(pattern, &vocabulary).unwrap(), &[END]);
        for tokens in sequences(4) {
            let expected = String::from_utf8(joined(&tokens)).is_ok_and(|text| matches(&text));
            assert_eq!(constraint.accepts(&tokens), expected, "{pattern} {tokens:?}");
        }
    }
}

/// What is looked up for a state is what the tokens one by one say; ends are allowed where the output is complete.
#[test]
fn restricting_is_asking_each_token() {
    struct Slow<'a>(&'a RegexAutomaton);
    impl<'a> Automaton for Slow<'a> {
        type State = <RegexAutomaton as Automaton>::State;
        fn start(&self) -> Self::State {
            self.0.start()
        }
        fn next(&self, state: &Self::State, token: u32) -> Option<Self::State> {
            self.0.next(state, token)
        }
        fn is_complete(&self, state: &Self::State) -> bool {
            self.0.is_complete(state)
        }
    }
    let vocabulary = Vocabulary::new(TOKENS);
    for (pattern, _) in FORMS {
        let automaton = RegexAutomaton::new(pattern, &vocabulary).unwrap();
        let slow = Constrained::new(Slow(&automaton), &[END]);
        let fast = Constrained::new(RegexAutomaton::new(pattern, &vocabulary).unwrap(), &[END]);
        for tokens in sequences(3) {
            // The model has a token more than the vocabulary.
            let (mut a, mut b) = ([0.5; 11], [0.5; 11]);
            slow.process(Context::new(&tokens), &mut a);
            fast.process(Context::new(&tokens), &mut b);
            assert_eq!(a, b, "{pattern} {tokens:?}");
            assert_eq!(a[END as usize] == 0.5, fast.accepts(&tokens));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// The best of all outputs that the pattern allows.
    #[test]
    fn a_wide_constrained_beam_is_exhaustive(seed: u64) {
        let words: [&[u8]; 4] = [b"", b"a", b"b", b"ab"];
        let automaton = || RegexAutomaton::new("(ab)*a?", &Vocabulary::new(&words)).unwrap();
        let constraint = Constrained::new(automaton(), &[END]);
        let mut model = Markov::random(4, seed);
        let best = model
            .enumerate([1, 1], 4)
            .into_iter()
            .filter(|(tokens, _)| tokens.split_last().is_some_and(|(last, rest)| *last == END && constraint.accepts(rest)))
            .map(|(_, log_prob)| log_prob)
            .fold(f64::NEG_INFINITY, f64::max);
        let beam = Beam { n_best: 256, renormalise: false, ..Beam::new(256, END, 4) };
        let search = BeamSearch::new(&beam).unwrap().with(Constrained::new(automaton(), &[END]));
        let found = search.run(&mut model, &[vec![1]]).unwrap().remove(0);
        let found = found.iter().find(|h| h.finish == Finish::End).unwrap();
        prop_assert!((found.log_prob - best).abs() < 1e-5);
    }

    /// A model of random characters writes JSON that parses and has the form of the schema.
    #[test]
    fn generated_json_is_valid(seed: u64) {
        let schema = r##"{
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 3},
                "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 1, "maxItems": 2},
                "size": {"type": ["integer", "null"]},
                "nested": {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"const": 1}}},
                "none": {"type": "object"}
            },
            "required": ["tags", "nested"],
            "additionalProperties": false,
            "$defs": {"tag": {"enum": ["x", "y\"z", null, [1, {"k": 0}]]}}
        }"##;
        let characters: Vec<String> = [String::new()].into_iter().chain((' '..='~').map(String::from)).collect();
        let vocabulary = Vocabulary::new(&characters);
        let automaton = RegexAutomaton::json_schema(schema, &vocabulary).unwrap();
        let vocab = characters.len();
        let mut model = Markov::random(vocab, 1);
        let sampler = Sampler::new(&Sampling::default(), vocab).unwrap().with(Constrained::new(automaton, &[END]));
        let mut rngs = [ChaCha8Rng::seed_from_u64(seed)];
        let out = generate(&mut model, &[vec![1]], &sampler, &Stop::after(400).at(END), &mut rngs).unwrap().remove(0);
        prop_assert_eq!(out.finish, Finish::End);
        let text: String = out.tokens.iter().map(|&token| characters[token as usize].as_str()).collect();
        let json: Value = serde_json::from_str(&text).unwrap();
        let object = json.as_object().unwrap();
        prop_assert!(object.keys().all(|key| ["name", "tags", "size", "nested", "none"].contains(&key.as_str())));
        let tags = object["tags"].as_array().unwrap();
        prop_assert!(matches!(tags.len(), 1 | 2));
        let known: Value = serde_json::from_str(r#"["x", "y\"z", null, [1, {"k": 0}]]"#).unwrap();
        prop_assert!(tags.iter().all(|tag| known.as_array().unwrap().contains(tag)));
        prop_assert!(object.get("name").is_none_or(|name| (1..=3).contains(&name.as_str().unwrap().chars().count())));
        prop_assert!(object.get("size").is_none_or(|size| size.is_i64() || size.is_u64() || size.is_null() || size.is_f64()));
        let nested = object["nested"].as_object().unwrap();
        prop_assert!(nested.get("a").is_none_or(Value::is_boolean));
        prop_assert!(nested.get("b").is_none_or(|b| *b == 1));
        prop_assert!(object.get("none").is_none_or(|none| none.as_object().unwrap().is_empty()));
    }
}

#[test]
fn a_vocabulary_that_cannot_spell_the_pattern_is_an_error_that_says_where() {
    let words: [&[u8]; 3] = [b"", b"a", b"b"];
    let automaton = RegexAutomaton::new("abc", &Vocabulary::new(&words)).unwrap();
    let sampler = Sampler::new(&Sampling::greedy(), 3).unwrap().with(Constrained::new(automaton, &[END]));
    let mut rng = [ChaCha8Rng::seed_from_u64(0)];
    let found = generate(&mut Markov::random(3, 1), &[vec![1]], &sampler, &Stop::after(9).at(END), &mut rng);
    assert_eq!(found, Err(Error::NothingAllowed { row: 0, position: 2 }));
}

#[test]
fn patterns_that_cannot_be_built_are_errors() {
    let build = |pattern: &str| RegexAutomaton::new(pattern, &Vocabulary::new(&["a"])).unwrap_err();
    assert!(matches!(build("(a"), ConstraintError::Pattern { .. }));
    assert!(matches!(build(r"(?:\w{50}){50}x"), ConstraintError::Pattern { .. }));
}

#[test]
fn what_a_schema_may_not_ask_for_is_named() {
    let message = |schema: &str| json_schema_pattern(schema).unwrap_err().to_string();
    let at = |schema: &str, path: &str, what: &str| {
        let message = message(schema);
        assert!(message.starts_with(&format!("the schema, {path}: ")) && message.contains(what), "{message}");
    };
    assert!(message("{").starts_with("the schema is no JSON"));
    assert!(message(r#"{"type": "null", "type": "null"}"#).contains("occurs twice"));
    at("{}", "#", "any value");
    at("true", "#", "an object");
    at(r#"{"type": "integer", "minimum": 3}"#, "#", "\"minimum\"");
    at(r#"{"type": "object", "properties": {"a/b": {"type": "date"}}}"#, "#/properties/a~1b", "\"date\"");
    at(r#"{"type": "object", "required": ["a"]}"#, "#", "no property");
    at(r#"{"anyOf": [{"type": "null"}, {"type": "array"}]}"#, "#/anyOf/1", "items");
    at(r#"{"anyOf": []}"#, "#", "no value");
    at(r#"{"type": "string", "minLength": 3, "maxLength": 2}"#, "#", "maxLength");
    at(r#"{"type": "string", "enum": [1]}"#, "#", "not of the type string");
    let recursive =
        r##"{"$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}"##;
    at(recursive, "#/$defs/a/items", "leads back to itself");
    at(r##"{"$ref": "#/$defs/b"}"##, "#", "leads nowhere");
    at(r#"{"$ref": "other.json"}"#, "#", "does not stay");
    // References that double the pattern thirty times.
    let level = |i: usize| {
        format!(
            r##""d{i}": {{"anyOf": [{{"$ref": "#/$defs/d{}"}}, {{"$ref": "#/$defs/d{}"}}]}}"##,
            i + 1,
            i + 1
        )
    };
    let levels: Vec<String> = (0..30).map(level).collect();
    let bomb = format!(
        r##"{{"$ref": "#/$defs/d0", "$defs": {{{}, "d30": {{"type": "null"}}}}}}"##,
        levels.join(",")
    );
    assert!(message(&bomb).contains("would be longer"));
}
