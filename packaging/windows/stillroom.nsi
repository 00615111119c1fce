Target amd64-unicode
; Stillroom's installer for Windows: for one user, without administrator's rights. Compiled by installer.py:
;   makensis -DVERSION=1.2.3 -DPAYLOAD=dist/stillroom -DOUTPUT=stillroom-1.2.3-setup.exe stillroom.nsi
; Options of the installer: /S silent, /D=FOLDER (last), /NOASSOCIATION leaves .gguf files alone, /DESKTOP adds
; an icon on the desktop. Exit codes: 0 done, 1 cancelled, 2 this Windows is too old, 3 Stillroom is still running.
; Models, chats and settings (%LOCALAPPDATA%\stillroom) are never touched, not by the uninstaller either.

!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include Sections.nsh
!include WinMessages.nsh
!include x64.nsh

; Qt 6.10 and newer start from Windows 10 version 1903 on: https://doc.qt.io/qt-6/windows.html
!define OLDEST_BUILD 18362
!define PROGID "Stillroom.gguf"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Stillroom"
!define CLASSES "Software\Classes"

Name "Stillroom"
OutFile "${OUTPUT}"
Unicode true
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Stillroom"
InstallDirRegKey HKCU "${UNINSTALL_KEY}" "InstallLocation"
SetCompressor /SOLID lzma
ManifestSupportedOS Win10
BrandingText "Stillroom ${VERSION}"

VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "Stillroom"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Stillroom installer"
VIAddVersionKey LegalCopyright "The Stillroom developers. MIT licence."

; The release workflow signs with it; %1 is the file.
!ifdef SIGN
  !finalize '${SIGN} "%1"'
  !uninstfinalize '${SIGN} "%1"'
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
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English
!insertmacro MUI_LANGUAGE SimpChinese

LangString TOO_OLD ${LANG_ENGLISH} "Stillroom needs Windows 10 version 1903 or newer, 64-bit. This is build $0."
LangString TOO_OLD ${LANG_SIMPCHINESE} "Stillroom 需要 64 位的 Windows 10 版本 1903 或更新版本。当前内部版本为 $0。"
LangString RUNNING ${LANG_ENGLISH} "Stillroom is running and did not close. Close its window, then try again."
LangString RUNNING ${LANG_SIMPCHINESE} "Stillroom 正在运行且未能关闭。请关闭其窗口后重试。"
LangString KEEPS ${LANG_ENGLISH} "Your models, chats and settings stay where they are."
LangString KEEPS ${LANG_SIMPCHINESE} "您的模型、对话和设置会保留在原处。"
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

; Only what an installer put there: the user may have chosen a folder with other things in it.
Function ${PREFIX}RemoveProgram
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\stillroom.exe"
  Delete "$INSTDIR\stillroomw.exe"
FunctionEnd
!macroend
!insertmacro CLOSE_RUNNING ""
!insertmacro CLOSE_RUNNING "un."

Section "Stillroom" PROGRAM
  SectionIn RO
  Call CloseRunning
  Call RemoveProgram
  SetOutPath "$INSTDIR"
  File /r "${PAYLOAD}/*"
  WriteUninstaller "$INSTDIR\uninstall.exe"

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

Section "Uninstall"
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

Function un.onInit
  SetRegView 64
FunctionEnd
