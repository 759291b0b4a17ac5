"""Questions read from CSV, JSON lines and Parquet; each thing that can be wrong names file and line."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.analyse.replay_rows import ReadingRules, read_rows, split_of
from ai_finops.errors import ReplayError

HEAD = "prompt,cheap_correct,strong_correct\n"


def read(path, text: str | None = None, **rules):
    if text is not None:
        path.write_text(text)
    return read_rows([path], rules=ReadingRules(**rules))


def test_the_three_kinds_of_file_read_alike(tmp_path):
    said = {
        "prompt": "12345678",
        "task_type": "easy",
        "cheap_correct": True,
        "strong_correct": False,
        "output_tokens": 9,
    }
    read(
        tmp_path / "a.csv", "prompt,task_type,cheap_correct,strong_correct,output_tokens\n12345678,easy,true,False,9\n"
    )
    (tmp_path / "a.jsonl").write_text(json.dumps(said) + "\n\n")
    pq.write_table(pa.Table.from_pylist([said]), tmp_path / "a.parquet")
    rows = [read(tmp_path / f"a.{kind}")[0] for kind in ("csv", "jsonl", "parquet")]
    assert [row.place for row in rows] == [
        f"{tmp_path}/a.csv, line 2",
        f"{tmp_path}/a.jsonl, line 1",
        f"{tmp_path}/a.parquet, row 1",
    ]
    for row in rows:
        # 8 characters at 4 a token.
        assert (row.input_tokens, row.output_tokens, row.task_type, row.prompt) == (2.0, 9.0, "easy", "12345678")
        assert (row.is_cheap_correct, row.is_strong_correct, row.has_input_tokens) == (True, False, False)
    assert len(read(tmp_path)) == 3, "a folder is read file by file"


def test_lengths_by_what_is_known_best(tmp_path):
    columns = "input_tokens,input_chars,prompt,question_count,character_count,is_cheap_right,is_strong_right\n"
    rows = read(
        tmp_path / "a.csv",
        columns + "7,400,x,3,,1,0\n,400,x,3,,1,0\n,,1234,3,,1,0\n,,,3,600,1,0\n,400,,,,1,0\n",
    )
    assert [row.input_tokens for row in rows] == [21.0, 300.0, 3.0, 150.0, 100.0]
    assert [row.question_count for row in rows] == [3, 3, 3, 3, 1]
    assert [row.has_input_tokens for row in rows] == [True, False, False, False, False]


def test_marks_as_pandas_writes_them(tmp_path):
    rows = read(tmp_path / "a.csv", HEAD + "x,1.0,0.0\ny,0.0,1.0\n")
    assert [(row.is_cheap_correct, row.is_strong_correct) for row in rows] == [(True, False), (False, True)]
    with pytest.raises(ReplayError, match=r"cheap_correct is '0\.5' and not true or false"):
        read(tmp_path / "b.csv", HEAD + "x,0.5,1\n")


def test_a_column_that_some_lines_alone_have_is_there(tmp_path):
    line = {"prompt": "x", "cheap_correct": 1, "strong_correct": 0}
    lines = [json.dumps(each) for each in (line, line | {"sure": 0.5})]
    rows = read(tmp_path / "a.jsonl", "\n".join(lines), columns={"confidence": "sure"})
    assert [row.confidence for row in rows] == [None, 0.5]


def test_squares_of_lengths(tmp_path):
    lengths = "input_tokens,input_chars,prompt,question_count,character_count,squared_character_count"
    columns = f"{lengths},cheap_correct,strong_correct\n"
    rows = read(
        tmp_path / "a.csv",
        columns
        + "7,,,3,,,1,0\n7.5,,,3,,,1,0\n7.5,,,1,,,1,0\n,40,,3,,,1,0\n,40.5,,3,,,1,0\n,,12345,3,,,1,0\n"
        + ",,,3,600,,1,0\n,,,3,600,120000,1,0\n,,,3,600,200000,1,0\n,,,1,600,,1,0\n,,,1,600,360000,1,0\n",
    )
    # Each of three has 7 tokens: 3 * 49. A half of a token is a mean of several. 40 characters are 10 tokens. 600 characters of
    # three questions: not known, or by their squares over 16, of which 120,000 are the least.
    assert [row.squared_input_tokens for row in rows] == [
        147.0, None, 56.25, 300.0, None, 3 * 1.25**2, None, 7500.0, 12500.0, 22500.0, 22500.0,
    ]  # fmt: skip
    with pytest.raises(ReplayError, match=r"line 2: squared_character_count is '119000' and not at least the square"):
        read(tmp_path / "b.csv", columns + ",,,3,600,119000,1,0\n")


def test_output_tokens_are_of_one_answer(tmp_path):
    text = "input_tokens,output_tokens,question_count,cheap_correct,strong_correct\n5,10,4,0,1\n5,,4,0,1\n"
    assert [row.output_tokens for row in read(tmp_path / "a.csv", text)] == [40.0, None]


def test_columns_of_other_names_and_task_types_of_the_files(tmp_path):
    (tmp_path / "mmlu_law.csv").write_text("question,mixtral,gpt\nWho?,True,False\n")
    (row,) = read(
        tmp_path,
        columns={"prompt": "question", "cheap_correct": "mixtral", "strong_correct": "gpt"},
        task_type_prefix="mmlu_",
    )
    assert (row.task_type, row.prompt, row.is_cheap_correct, row.is_strong_correct) == ("law", "Who?", True, False)


def test_halves_by_their_column_or_the_hash_of_the_prompt(tmp_path):
    # SHA-256 of "d" begins with 18, that of "e" with 3f.
    assert [split_of(text) for text in "de"] == ["train", "test"]
    text = HEAD + "d,1,0\ne,0,1\n"
    assert [row.prompt for half in ("train", "test") for row in read(tmp_path / "a.csv", text, half=half)] == ["d", "e"]
    said = "split,input_chars,cheap_correct,strong_correct\ntrain,4,1,0\ntest,8,0,1\n"
    assert [row.input_tokens for row in read(tmp_path / "b.csv", said, half="test")] == [2.0]
    assert len(read(tmp_path / "b.csv")) == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", HEAD, "a.csv holds no question: nothing to replay"),
        ("a.csv", "", "a.csv holds no question: nothing to replay"),
        ("a.csv", "prompt,strong_correct\nx,1\n", "a.csv, line 2: there is no column cheap_correct; name the column"),
        (
            "a.csv",
            HEAD + 'x,1,0\n"two\nlines",maybe,0\n',
            "a.csv, line 3: cheap_correct is 'maybe' and not true or false",
        ),
        (
            "a.csv",
            HEAD + 'x,1,0\n"two\nlines",1,0\ny,1,\n',
            "a.csv, line 5: strong_correct is None and not true or false",
        ),
        ("a.csv", HEAD + ",1,0\n", "a.csv, line 2: none of input_tokens, input_chars, character_count and prompt says"),
        (
            "a.csv",
            "input_tokens,cheap_correct,strong_correct\n-1,1,0\n",
            "a.csv, line 2: input_tokens is '-1' and not a number that is not negative",
        ),
        (
            "a.csv",
            "input_tokens,question_count,cheap_correct,strong_correct\n1,1.5,1,0\n",
            "question_count is '1.5' and not a whole number from 1",
        ),
        (
            "a.csv",
            "input_tokens,confidence,cheap_correct,strong_correct\n1,1.01,1,0\n",
            "confidence is '1.01' and not a number from 0 to 1",
        ),
        ("a.jsonl", '{"prompt": "x"\n', "a.jsonl, line 1 is no JSON"),
        ("a.jsonl", "\n[1]\n", "a.jsonl, line 2 is no JSON object"),
        ("a.jsonl", '{"prompt": 1, "cheap_correct": true, "strong_correct": true}', "prompt is 1 and not text"),
        (
            "a.jsonl",
            '{"prompt": "x", "cheap_correct": "yes", "strong_correct": true}',
            "is 'yes' and not true or false",
        ),
        ("a.parquet", "no", "a.parquet cannot be read as Parquet"),
        ("a.xlsx", "no", "a.xlsx is not read: files of questions end in .csv, .jsonl, .parquet"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, name, text, words):
    with pytest.raises(ReplayError) as caught:
        read(tmp_path / name, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ReplayError, match=r"none.csv does not exist: --data names files"):
        read(tmp_path / "none.csv")
    with pytest.raises(ReplayError, match=r"holds no file that ends in .csv"):
        read(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"prompt,cheap_correct\n\xff,1\n")
    with pytest.raises(ReplayError, match=r"a.csv cannot be read"):
        read(tmp_path)


def test_a_half_of_what_has_neither_split_nor_prompt(tmp_path):
    text = "input_tokens,cheap_correct,strong_correct\n1,1,0\n"
    with pytest.raises(ReplayError, match="line 2: halves need a column split, or prompt"):
        read(tmp_path / "a.csv", text, half="test")
    with pytest.raises(ReplayError, match="split is 'dev' and not train or test"):
        read(tmp_path / "a.csv", "split,cheap_correct,strong_correct\ndev,1,0\n", half="test")
    with pytest.raises(ReplayError, match="holds no question of half test"):
        read(tmp_path / "a.csv", HEAD + "d,1,0\n", half="test")


def test_a_long_text_is_cut_in_an_error(tmp_path):
    with pytest.raises(ReplayError) as caught:
        read(tmp_path / "a.csv", HEAD + f"x,{'secret ' * 20},1\n")
    assert len(str(caught.value)) < len(str(tmp_path)) + 120
