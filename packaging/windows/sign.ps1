# Signs the files given, with the certificate in SIGNING_CERTIFICATE (a PFX, base64); without one it says so.
param([Parameter(Mandatory, ValueFromRemainingArguments)][string[]] $Files)
$ErrorActionPreference = 'Stop'
if (-not $env:SIGNING_CERTIFICATE) {
    Write-Output "::warning::SIGNING_CERTIFICATE is not set: $($Files -join ', ') stay unsigned."
    exit 0
}
$certificate = Join-Path $env:RUNNER_TEMP 'stillroom.pfx'
[IO.File]::WriteAllBytes($certificate, [Convert]::FromBase64String($env:SIGNING_CERTIFICATE))
try {
    $kit = Get-ChildItem "${env:ProgramFiles(x86)}\Windows Kits\10\bin\10.*\x64\signtool.exe" | Select-Object -Last 1
    & $kit.FullName sign /f $certificate /p $env:SIGNING_PASSWORD /fd SHA256 /td SHA256 `
        /tr http://timestamp.digicert.com $Files
    if ($LASTEXITCODE -ne 0) { throw "signtool ended with $LASTEXITCODE" }
} finally {
    Remove-Item $certificate
}
