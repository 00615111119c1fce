"""Documents as text, read by the real child."""

import zipfile
from pathlib import Path

import pytest

from app.chat.documents import documents
from app.chat.documents.documents import DocumentError, read_document

OPEN_XML = "http://schemas.openxmlformats.org"


def refused(path: Path) -> str:
    with pytest.raises(DocumentError) as failure:
        read_document(path)
    return str(failure.value)


def small_pdf(text: str) -> bytes:
    """A one-page PDF, written by hand."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(data)
    data += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in offsets)
    return data + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


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


def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path: Path) -> None:
    def file(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("a", "b")
    assert "not a kind" in refused(tmp_path / "archive.zip")
    assert "not a kind" in refused(file("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0"))
    assert "holds no text" in refused(file("empty.txt", b" \n"))
    assert "holds no text" in refused(file("scan.pdf", small_pdf("")))
    assert "damaged" in refused(file("cut.pdf", small_pdf("x")[:200]))
    assert "damaged" in refused(file("cut.docx", b"PK\x03\x04rest"))
    assert "could not be read" in refused(tmp_path / "missing.txt")
    assert "not a kind" in refused(tmp_path)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_FILE_BYTES", 1 << 20)
    path = tmp_path / "large.txt"
    path.write_bytes(b"a" * ((1 << 20) + 1))
    assert "larger than 1 MB" in refused(path)


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
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<?xml version="1.0"?><Types xmlns="{OPEN_XML}/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            'relationships+xml"/>'
            '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.wordprocessingml.document.main+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
            'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
            'relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        archive.writestr("word/document.xml", bomb)
    assert any(word in refused(path) for word in ("damaged", "holds no text", "memory"))
    assert [file.name for file in tmp_path.iterdir()] == ["bomb.docx"]
