Target amd64-unicode
; Stillroom's installer for Windows: for one user, without administrator's rights. Compiled by installer.py:
;   makensis -DVERSION=1.2.3 -DPAYLOAD=dist/stillroom -DCONTENTS=_internal-1.2.3 -DOUTPUT=setup.exe stillroom.nsi
; Options of the installer: /S silent, /D=FOLDER (last), /NOASSOCIATION leaves .gguf files alone, /DESKTOP adds
; an icon on the desktop. Exit codes: 0 done, 1 cancelled, 2 this Windows is too old, 3 Stillroom is still running.
; A new version is unpacked whole into the folder "stillroom-new". Its files, in a folder that bears its version, are
; then put beside those of the version before, and its programs replace those before, each in one step: each program
; finds the files that it was made with, whenever this ends.
; Models, chats and settings (%LOCALAPPDATA%\stillroom) are never touched by it. The uninstaller offers to delete CUDA's
; libraries, models and chats, each with its size, and keeps what is not ticked; silently (/S) it keeps all but what
; /DELETE=cuda,models,chats names.

!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include Sections.nsh
!include WinMessages.nsh
!include WordFunc.nsh
!include x64.nsh

; Qt 6.10 and newer start from Windows 10 version 1903 on: https://doc.qt.io/qt-6/windows.html
!define OLDEST_BUILD 18362
!define PROGID "Stillroom.gguf"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Stillroom"
!define CLASSES "Software\Classes"
!define NEW "stillroom-new"
!define OLD "stillroom-old"

Name "Stillroom"
OutFile "${OUTPUT}"
Unicode true
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Stillroom"
InstallDirRegKey HKCU "${UNINSTALL_KEY}" "InstallLocation"
SetCompressor /SOLID lzma
; A program that lacks a file is none.
AllowSkipFiles off
ManifestSupportedOS Win10
BrandingText "Stillroom ${VERSION}"

VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "Stillroom"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Stillroom installer"
VIAddVersionKey LegalCopyright "The Stillroom developers. MIT licence."

; What installer.py does with the uninstaller before it is packed: keep a copy, or take the one that was signed.
!ifdef FINISH_UNINSTALLER
  !uninstfinalize '${FINISH_UNINSTALLER}' = 0
!endif

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN "$INSTDIR\stillroomw.exe"
!define MUI_COMPONENTSPAGE_SMALLDESC
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_LICENSE "${LICENCE}"
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!define MUI_PAGE_CUSTOMFUNCTION_SHOW un.HideSpace
!insertmacro MUI_UNPAGE_COMPONENTS
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English
!insertmacro MUI_LANGUAGE SimpChinese

LangString TOO_OLD ${LANG_ENGLISH} "Stillroom needs Windows 10 version 1903 or newer, 64-bit. This is build $0."
LangString TOO_OLD ${LANG_SIMPCHINESE} "Stillroom 需要 64 位的 Windows 10 版本 1903 或更新版本。当前内部版本为 $0。"
LangString RUNNING ${LANG_ENGLISH} "Stillroom is running and did not close. Close its window, then try again."
LangString RUNNING ${LANG_SIMPCHINESE} "Stillroom 正在运行且未能关闭。请关闭其窗口后重试。"
LangString KEEPS ${LANG_ENGLISH} "What was not ticked of your models, chats and settings stays where it is."
LangString KEEPS ${LANG_SIMPCHINESE} "未勾选的模型、对话和设置会保留在原处。"
LangString DELETE_CUDA ${LANG_ENGLISH} "Delete NVIDIA's CUDA libraries"
LangString DELETE_CUDA ${LANG_SIMPCHINESE} "删除 NVIDIA 的 CUDA 库"
LangString DELETE_MODELS ${LANG_ENGLISH} "Delete your models"
LangString DELETE_MODELS ${LANG_SIMPCHINESE} "删除您的模型"
LangString DELETE_CHATS ${LANG_ENGLISH} "Delete your chats"
LangString DELETE_CHATS ${LANG_SIMPCHINESE} "删除您的对话"
LangString ASSOCIATION ${LANG_ENGLISH} "Open .gguf files with Stillroom"
LangString ASSOCIATION ${LANG_SIMPCHINESE} "用 Stillroom 打开 .gguf 文件"
LangString DESKTOP_ICON ${LANG_ENGLISH} "Icon on the desktop"
LangString DESKTOP_ICON ${LANG_SIMPCHINESE} "桌面图标"

; Asks a running window to close, as its cross does, and waits until no program of this folder is in use.
!macro CLOSE_RUNNING PREFIX
Function ${PREFIX}CloseRunning
  ${If} ${FileExists} "$INSTDIR\stillroomw.exe"
    ; Without /F it only posts WM_CLOSE: Stillroom keeps the reply that is being written and ends.
    nsExec::Exec 'taskkill.exe /IM stillroomw.exe'
    Pop $0
  ${EndIf}
  again:
  StrCpy $1 0
  ${Do}
    Call ${PREFIX}InUse
    Pop $0
    ${If} $0 == "no"
      Return
    ${EndIf}
    Sleep 250
    IntOp $1 $1 + 1
  ${LoopUntil} $1 > 60
  MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(RUNNING)" /SD IDCANCEL IDRETRY again
  SetErrorLevel 3
  Quit
FunctionEnd

; Pushes "yes" or "no". A program that runs cannot be opened for writing.
Function ${PREFIX}InUse
  Push "no"
  ${If} ${FileExists} "$INSTDIR\stillroomw.exe"
    ClearErrors
    FileOpen $2 "$INSTDIR\stillroomw.exe" a
    ${If} ${Errors}
      Exch $0
      StrCpy $0 "yes"
      Exch $0
    ${Else}
      FileClose $2
    ${EndIf}
  ${EndIf}
  ${If} ${FileExists} "$INSTDIR\stillroom.exe"
    ClearErrors
    FileOpen $2 "$INSTDIR\stillroom.exe" a
    ${If} ${Errors}
      Exch $0
      StrCpy $0 "yes"
      Exch $0
    ${Else}
      FileClose $2
    ${EndIf}
  ${EndIf}
FunctionEnd
!macroend
!insertmacro CLOSE_RUNNING ""
!insertmacro CLOSE_RUNNING "un."

; Only what an installer put there: the user may have chosen a folder with other things in it.
Function un.RemoveProgram
  RMDir /r "$INSTDIR\${NEW}"
  RMDir /r "$INSTDIR\${OLD}"
  Push ""
  Call un.RemoveContents
  Delete "$INSTDIR\stillroom.exe"
  Delete "$INSTDIR\stillroomw.exe"
FunctionEnd

; Where a test ends an installation, to see what is left (STOP_AFTER, tests/packaging/test_windows_installer.py).
!macro STEP NAME
  !ifdef STOP_AFTER
    !if "${STOP_AFTER}" == "${NAME}"
      System::Call 'kernel32::TerminateProcess(p -1, i 9)'
    !endif
  !endif
!macroend

; Moves a file, over the one that is there, in one step: NSIS's own Rename does not replace. Sets the error flag.
; MOVEFILE_REPLACE_EXISTING and MOVEFILE_WRITE_THROUGH.
!macro MOVE FROM TO
  ClearErrors
  System::Call 'kernel32::MoveFileExW(w "${FROM}", w "${TO}", i 9) i .r0'
  ${If} $0 == 0
    SetErrors
  ${EndIf}
!macroend

; Puts a program of the new version into the place of the one before, of which a copy is kept until the end.
!macro REPLACE NAME
  ${If} ${FileExists} "$INSTDIR\${NAME}"
    ClearErrors
    CopyFiles /SILENT "$INSTDIR\${NAME}" "$INSTDIR\${OLD}\${NAME}"
    ${If} ${Errors}
      Abort
    ${EndIf}
  ${EndIf}
  !insertmacro STEP "copy of ${NAME}"
  !insertmacro MOVE "$INSTDIR\${NEW}\${NAME}" "$INSTDIR\${NAME}"
  ${If} ${Errors}
    Abort
  ${EndIf}
  !insertmacro STEP "${NAME}"
!macroend

; Removes the files of other versions; pops the name of the folder that stays.
!macro REMOVE_CONTENTS PREFIX
Function ${PREFIX}RemoveContents
  Pop $2
  FindFirst $0 $1 "$INSTDIR\_internal*"
  ${DoUntil} $1 == ""
    ${If} $1 != $2
      RMDir /r "$INSTDIR\$1"
    ${EndIf}
    FindNext $0 $1
  ${Loop}
  FindClose $0
FunctionEnd
!macroend
!insertmacro REMOVE_CONTENTS ""
!insertmacro REMOVE_CONTENTS "un."

; "placed" once the new version's files are under their own name.
Var State

Section "Stillroom" PROGRAM
  SectionIn RO
  Call CloseRunning
  RMDir /r "$INSTDIR\${NEW}"
  SetOutPath "$INSTDIR\${NEW}"
  File /r "${PAYLOAD}/*"
  WriteUninstaller "$INSTDIR\${NEW}\uninstall.exe"
  SetOutPath "$INSTDIR"
  ; It may have been started meanwhile.
  Call CloseRunning
  RMDir /r "$INSTDIR\${OLD}"
  CreateDirectory "$INSTDIR\${OLD}"
  !insertmacro STEP "unpacked"
  ; Only where the same version is installed once more.
  Rename "$INSTDIR\${CONTENTS}" "$INSTDIR\${OLD}\${CONTENTS}"
  ClearErrors
  Rename "$INSTDIR\${NEW}\${CONTENTS}" "$INSTDIR\${CONTENTS}"
  ${If} ${Errors}
    Abort
  ${EndIf}
  StrCpy $State "placed"
  !insertmacro STEP "contents"
  !insertmacro REPLACE "stillroomw.exe"
  !insertmacro REPLACE "stillroom.exe"
  !insertmacro REPLACE "uninstall.exe"
  RMDir /r "$INSTDIR\${NEW}"
  RMDir /r "$INSTDIR\${OLD}"
  Push "${CONTENTS}"
  Call RemoveContents

  CreateShortcut "$SMPROGRAMS\Stillroom.lnk" "$INSTDIR\stillroomw.exe"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "Stillroom"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "The Stillroom developers"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\stillroomw.exe,0"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" $0
SectionEnd

Section "$(ASSOCIATION)" ASSOCIATE
  WriteRegStr HKCU "${CLASSES}\${PROGID}" "" "GGUF language model"
  WriteRegStr HKCU "${CLASSES}\${PROGID}\DefaultIcon" "" "$INSTDIR\stillroomw.exe,0"
  WriteRegStr HKCU "${CLASSES}\${PROGID}\shell\open\command" "" '"$INSTDIR\stillroomw.exe" "%1"'
  WriteRegStr HKCU "${CLASSES}\.gguf\OpenWithProgids" "${PROGID}" ""
  ; Another program's choice is left as it is.
  ReadRegStr $0 HKCU "${CLASSES}\.gguf" ""
  ${If} $0 == ""
    WriteRegStr HKCU "${CLASSES}\.gguf" "" "${PROGID}"
  ${EndIf}
  ${RefreshShellIcons}
SectionEnd

Section /o "$(DESKTOP_ICON)" DESKTOP
  CreateShortcut "$DESKTOP\Stillroom.lnk" "$INSTDIR\stillroomw.exe"
SectionEnd

Section "un.Stillroom"
  SectionIn RO
  Call un.CloseRunning
  Call un.RemoveProgram
  Delete "$INSTDIR\uninstall.exe"
  ; Goes only when nothing else is in it.
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Stillroom.lnk"
  Delete "$DESKTOP\Stillroom.lnk"
  ReadRegStr $0 HKCU "${CLASSES}\.gguf" ""
  ${If} $0 == "${PROGID}"
    DeleteRegValue HKCU "${CLASSES}\.gguf" ""
  ${EndIf}
  DeleteRegValue HKCU "${CLASSES}\.gguf\OpenWithProgids" "${PROGID}"
  DeleteRegKey /ifempty HKCU "${CLASSES}\.gguf\OpenWithProgids"
  DeleteRegKey /ifempty HKCU "${CLASSES}\.gguf"
  DeleteRegKey HKCU "${CLASSES}\${PROGID}"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  ${RefreshShellIcons}
  DetailPrint "$(KEEPS)"
SectionEnd

; The folders of app/base/paths.py.
Section /o "un.$(DELETE_CUDA)" UN_CUDA
  RMDir /r "$LOCALAPPDATA\stillroom\cuda"
SectionEnd

Section /o "un.$(DELETE_MODELS)" UN_MODELS
  RMDir /r "$LOCALAPPDATA\stillroom\models"
  RMDir /r "$LOCALAPPDATA\stillroom\checkpoints"
  RMDir /r "$LOCALAPPDATA\stillroom\jobs"
SectionEnd

Section /o "un.$(DELETE_CHATS)" UN_CHATS
  Delete "$LOCALAPPDATA\stillroom\chats*"
  RMDir /r "$LOCALAPPDATA\stillroom\chats-backups"
  RMDir /r "$LOCALAPPDATA\stillroom\Cache\chat-states"
SectionEnd

; Adds the size of a folder to $1, in kibibytes.
!macro ADD_SIZE FOLDER
  ${If} ${FileExists} "$LOCALAPPDATA\stillroom\${FOLDER}"
    ${GetSize} "$LOCALAPPDATA\stillroom\${FOLDER}" "/S=0K" $2 $3 $4
    IntOp $1 $1 + $2
  ${EndIf}
!macroend

; Puts the size in $1 behind a section's name, in megabytes.
!macro SHOW_SIZE SECTION NAME
  IntOp $1 $1 + 488
  IntOp $1 $1 / 977
  SectionSetText ${SECTION} "$(${NAME}) ($1 MB)"
!macroend

!macro SELECT_IF_NAMED WORD SECTION
  ${WordFind} ",$5," ",${WORD}," "E+1{" $6
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${SECTION}
  ${EndIf}
  ClearErrors
!macroend

; Puts a program of the version before back.
!macro RESTORE NAME
  ${If} ${FileExists} "$INSTDIR\${OLD}\${NAME}"
    !insertmacro MOVE "$INSTDIR\${OLD}\${NAME}" "$INSTDIR\${NAME}"
  ${EndIf}
!macroend

; What could not be unpacked whole, or not put into its place, goes, and the version before stays.
Function .onInstFailed
  SetOutPath "$TEMP"
  !insertmacro RESTORE "stillroomw.exe"
  !insertmacro RESTORE "stillroom.exe"
  !insertmacro RESTORE "uninstall.exe"
  ${If} $State == "placed"
    RMDir /r "$INSTDIR\${CONTENTS}"
  ${EndIf}
  Rename "$INSTDIR\${OLD}\${CONTENTS}" "$INSTDIR\${CONTENTS}"
  RMDir /r "$INSTDIR\${NEW}"
  RMDir "$INSTDIR\${OLD}"
FunctionEnd

Function .onInit
  SetRegView 64
  ReadRegStr $0 HKLM "Software\Microsoft\Windows NT\CurrentVersion" "CurrentBuildNumber"
  ${If} $0 < ${OLDEST_BUILD}
  ${OrIfNot} ${RunningX64}
    MessageBox MB_OK|MB_ICONSTOP "$(TOO_OLD)" /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
  ${GetParameters} $1
  ClearErrors
  ${GetOptions} $1 "/NOASSOCIATION" $2
  ${IfNot} ${Errors}
    !insertmacro UnselectSection ${ASSOCIATE}
  ${EndIf}
  ClearErrors
  ${GetOptions} $1 "/DESKTOP" $2
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${DESKTOP}
  ${EndIf}
FunctionEnd

; Removing needs no space; the line that says how much is needed is the page's 1023.
Function un.HideSpace
  FindWindow $0 "#32770" "" $HWNDPARENT
  GetDlgItem $0 $0 1023
  ShowWindow $0 ${SW_HIDE}
FunctionEnd

Function un.onInit
  SetRegView 64
  StrCpy $1 0
  !insertmacro ADD_SIZE "cuda"
  !insertmacro SHOW_SIZE ${UN_CUDA} DELETE_CUDA
  StrCpy $1 0
  !insertmacro ADD_SIZE "models"
  !insertmacro ADD_SIZE "checkpoints"
  !insertmacro ADD_SIZE "jobs"
  !insertmacro SHOW_SIZE ${UN_MODELS} DELETE_MODELS
  StrCpy $1 0
  ${GetSize} "$LOCALAPPDATA\stillroom" "/M=chats* /S=0K /G=0" $2 $3 $4
  IntOp $1 $1 + $2
  !insertmacro ADD_SIZE "chats-backups"
  !insertmacro SHOW_SIZE ${UN_CHATS} DELETE_CHATS
  ${GetParameters} $5
  ${GetOptions} $5 "/DELETE=" $5
  ${IfNot} ${Errors}
    !insertmacro SELECT_IF_NAMED cuda ${UN_CUDA}
    !insertmacro SELECT_IF_NAMED models ${UN_MODELS}
    !insertmacro SELECT_IF_NAMED chats ${UN_CHATS}
  ${EndIf}
FunctionEnd
