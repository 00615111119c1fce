"""Documents as text, read by the real child."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from app.chat.documents import document_worker, documents
from app.chat.documents.documents import DocumentError, read_document
from models.system.units import byte_count

OPEN_XML = "http://schemas.openxmlformats.org"
WORDS = f'xmlns:w="{OPEN_XML}/wordprocessingml/2006/main"'


def refused(path: Path) -> str:
    with pytest.raises(DocumentError) as failure:
        read_document(path)
    return str(failure.value)


def small_pdf(*pages: str, titles: bytes = b"", codes: bytes = b"") -> bytes:
    """A PDF of a few pages, written by hand; "|" ends a line of a page. `titles` are the objects of its list
    of headings, one a line, numbered on from the list itself. `codes` say which characters the font has."""
    font = 3 + 2 * len(pages)
    kids = b" ".join(b"%d 0 R" % (3 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R%s >>" % (b" /Outlines %d 0 R" % (font + 1) if titles else b""),
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
    ]
    for number, page in enumerate(pages):
        lines = " ".join(f"0 -20 Td ({line}) Tj" for line in page.split("|"))
        stream = f"BT /F1 12 Tf 72 720 Td {lines} ET".encode()
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 %d 0 R >> >> >>" % (4 + 2 * number, font),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    to_unicode = b" /ToUnicode %d 0 R" % (font + 1) if codes else b""
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica%s >>" % to_unicode)
    objects += titles.split(b"\n") if titles else []
    if codes:
        table = b"begincmap 1 beginbfchar %s endbfchar endcmap" % codes
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(table), table))
    data, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(data)
    size = len(objects) + 1
    data += b"xref\n0 %d\n0000000000 65535 f \n" % size
    data += b"".join(b"%010d 00000 n \n" % at for at in offsets)
    return data + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("naïve 日本\r\nline".encode(), "naïve 日本\nline"),
        ("\ufeffa,b\n1,2".encode(), "a,b\n1,2"),
        ("wide".encode("utf-16"), "wide"),
        ("中文文件".encode("gb18030"), "中文文件"),
    ],
)
def test_text_is_read_in_its_encoding(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    document = read_document(path)
    assert (document.name, document.text) == ("file.txt", text)


def test_pdf(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(small_pdf("Hello from a page"))
    assert "Hello from a page" in read_document(path).text


def test_pages_of_a_pdf_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(small_pdf("One", "Two", "Three"))
    pages = read_document(path).text.split("\f")
    assert [page.strip() for page in pages] == ["One", "Two", "Three"]


def test_headings_that_a_pdf_lists_are_marked_on_their_page(tmp_path: Path) -> None:
    # The list (object 8) with an entry for each page; objects 3 and 5 are the pages.
    titles = (
        b"<< /Type /Outlines /First 9 0 R /Last 10 0 R /Count 2 >>\n"
        b"<< /Title (Travel) /Parent 8 0 R /Dest [3 0 R /Fit] /Next 10 0 R >>\n"
        b"<< /Title (By train) /Parent 8 0 R /Dest [5 0 R /Fit] /Prev 9 0 R >>"
    )
    path = tmp_path / "paper.pdf"
    path.write_bytes(small_pdf("Travel|By train|or not", "Travel|By  train|is slow", titles=titles))
    text = read_document(path).text
    first, second = text.split("\f")
    assert first.split("\n")[:3] == ["# Travel", "By train", "or not"]
    assert "# By  train" in second or "# By train" in second
    assert "# Travel" not in second


@pytest.mark.parametrize(
    "titles",
    [
        b"<< /Type /Outlines /First 8 0 R /Last 8 0 R /Count 1 >>",
        b"<< /Type /Outlines /First 7 0 R /Last 7 0 R /Count 1 >>\n<< /Title (A) /Next 7 0 R /First 7 0 R >>",
        b"<< /Type /Outlines /First 3 0 R /Last 99 0 R /Count -5 >>",
    ],
)
def test_a_damaged_list_of_headings_is_no_reason_not_to_read(tmp_path: Path, titles: bytes) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(small_pdf("Words of a page", titles=titles))
    assert "Words of a page" in read_document(path).text


def test_docx_keeps_headings_and_tables(tmp_path: Path) -> None:
    import docx

    made = docx.Document()
    made.add_heading("Title", level=1)
    made.add_paragraph("First paragraph.")
    table = made.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "a", "b"
    made.save(str(tmp_path / "letter.docx"))
    text = read_document(tmp_path / "letter.docx").text
    assert "# Title" in text
    assert "First paragraph." in text
    assert "| a | b |" in text


def written_docx(path: Path, document: str, styles: str = "") -> Path:
    """Write a DOCX of these parts."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    relations = f"{OPEN_XML}/officeDocument/2006/relationships"
    head = '<?xml version="1.0"?>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'{head}<Types xmlns="{OPEN_XML}/package/2006/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}.document.main+xml"/>'
            f'<Override PartName="/word/styles.xml" ContentType="{kind}.styles+xml"/></Types>',
        )
        for name, source, target in (
            ("_rels/.rels", "officeDocument", "word/document.xml"),
            ("word/_rels/document.xml.rels", "styles", "styles.xml"),
        ):
            archive.writestr(
                name,
                f'{head}<Relationships xmlns="{OPEN_XML}/package/2006/relationships"><Relationship Id="r1" '
                f'Type="{relations}/{source}" Target="{target}"/></Relationships>',
            )
        archive.writestr("word/document.xml", document)
        archive.writestr("word/styles.xml", styles or f"<w:styles {WORDS}/>")
    return path


def test_cells_of_any_width_and_headings_of_any_level_are_read_as_they_stand(tmp_path: Path) -> None:
    def cell(text: str, form: str) -> str:
        return f"<w:tc><w:tcPr>{form}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"

    wide = cell("wide", '<w:gridSpan w:val="1000000000"/>')
    high = "".join(f"<w:tr>{cell('', '<w:vMerge/>')}</w:tr>" for _ in range(3000))
    path = written_docx(
        tmp_path / "wide.docx",
        f'<w:document {WORDS}><w:body><w:p><w:pPr><w:pStyle w:val="deep"/></w:pPr>'
        "<w:r><w:t>Deep</w:t></w:r></w:p>"
        f"<w:tbl><w:tr>{wide}</w:tr>{high}</w:tbl></w:body></w:document>",
        f'<w:styles {WORDS}><w:style w:type="paragraph" w:styleId="deep">'
        '<w:name w:val="Heading 1000000"/></w:style></w:styles>',
    )
    assert read_document(path).text.split("\n") == ["Deep", "", "| wide |", *["|  |"] * 3000, ""]


def test_halves_of_characters_can_be_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"half \xff.pdf") if sys.platform == "linux" else "half.pdf"
    (tmp_path / name).write_bytes(small_pdf("ABC end", codes=b"<41> <D83D> <42> <DE00> <43> <D800>"))
    document = read_document(tmp_path / name)
    assert document.text.strip() == "\U0001f600\ufffd end"
    for text in (document.name, document.text):
        assert text.encode()


def test_a_zip_bomb_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/picture.png", bytes(document_worker.MOST_UNPACKED_BYTES + 1))
    assert "too much memory" in refused(path)


def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path: Path) -> None:
    def file(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("a", "b")
    assert "not a kind" in refused(tmp_path / "archive.zip")
    assert "not a kind" in refused(file("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0"))
    assert "not a kind" in refused(file("half.txt", b"\xff\xfe\x00\xd8a\x00"))
    assert "is an empty file" in refused(file("empty.gguf", b""))
    assert "holds no text" in refused(file("blank.txt", b" \n"))
    assert "holds no text" in refused(file("scan.pdf", small_pdf("")))
    assert "damaged" in refused(file("cut.pdf", small_pdf("x")[:200]))
    assert "damaged" in refused(file("cut.docx", b"PK\x03\x04rest"))
    assert "could not be read" in refused(tmp_path / "missing.txt")
    assert "not a kind" in refused(tmp_path)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_FILE_BYTES", 1 << 20)
    path = tmp_path / "large.txt"
    path.write_bytes(b"a" * ((1 << 20) + 1))
    assert f"larger than {byte_count(1 << 20)}" in refused(path)


def test_a_text_that_is_too_long_is_refused_by_the_child(tmp_path: Path) -> None:
    """Not first sent to the window, six bytes for each character."""
    path = tmp_path / "long.txt"
    path.write_bytes("é".encode("cp1252") * (document_worker.MOST_CHARACTERS + 1))
    assert document_worker.read(path) == {"reason": "memory"}
    assert "too much memory" in refused(path)


def test_nothing_in_an_archive_is_fetched_or_expanded(tmp_path: Path) -> None:
    """A DOCX whose text is an entity bomb ends as damaged, within the child's limits."""
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "'
        + "A" * 1000
        + '">'
        + "".join(f'<!ENTITY b{n} "{"&a;" if n == 0 else f"&b{n - 1};" * 10}">' for n in range(9))
        + ']><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&b8;</w:t></w:r></w:p></w:body></w:document>"
    )
    path = written_docx(tmp_path / "bomb.docx", bomb)
    assert any(word in refused(path) for word in ("damaged", "holds no text", "memory"))
    assert [file.name for file in tmp_path.iterdir()] == ["bomb.docx"]
