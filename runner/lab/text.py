"""What the simulated PowerShell says, in English and in Japanese.

The English is the wording of the recordings (`groundtruth/pwsh76`). The Japanese is PowerShell 7's
(`groundtruth/localised/powershell_strings_en_ja_de.json.xz`); Windows PowerShell 5.1 words some of it differently, of
which only CommandNotFoundException is known (`localised/error_samples.md`). A text without a Japanese form stays
English there. Error ids and categories are never translated (`localised/`, last line).
"""

from __future__ import annotations

_ENGLISH = {
    "CommandNotFoundException": "The term '{0}' is not recognized as a name of a cmdlet, function, script file, or "
    "executable program.{newline}Check the spelling of the name, or if a path was included, verify that the path is "
    "correct and try again.",
    "CouldNotAutoLoadModule": "The module '{0}' could not be loaded. For more information, run 'Import-Module {0}'.",
    "CouldNotAutoloadMatchingModule": "The '{0}' command was found in the module '{1}', but the module could not be "
    "loaded. For more information, run 'Import-Module {1}'.",
    "NamedParameterNotFound": "A parameter cannot be found that matches parameter name '{0}'.",
    "PositionalParameterNotFound": "A positional parameter cannot be found that accepts argument '{0}'.",
    "AmbiguousParameter": "Parameter cannot be processed because the parameter name '{0}' is ambiguous. "
    "Possible matches include:{1}.",
    "AmbiguousParameterSet": "Parameter set cannot be resolved using the specified named parameters. One or more "
    "parameters issued cannot be used together or an insufficient number of parameters were provided.",
    "MissingMandatoryParameter": "Cannot process command because of one or more missing mandatory parameters:{0}.",
    "ParameterAlreadyBound": "Cannot bind parameter because parameter '{0}' is specified more than once. To provide "
    "multiple values to parameters that can accept multiple values, use the array syntax. For example, "
    '"-parameter value1,value2,value3".',
    "ParameterArgumentTransformationError": "Cannot process argument transformation on parameter '{0}'. {1}",
    "MissingArgument": "Missing an argument for parameter '{0}'. Specify a parameter of type '{1}' and try again.",
    "CannotConvertArgument": "Cannot convert '{0}' to the type '{1}' required by parameter '{2}'. {3}",
    "CannotConvertArgumentNoMessage": "Cannot bind parameter '{0}'. {1}",
    "SuspendNotSupported": "Cannot bind parameter 'ErrorAction' to the target. Exception setting \"ErrorAction\": "
    '"The Suspend ActionPreference value is reserved for future use and is not supported at this time. For more '
    'information about preference variables, see the Help topic, "about_Preference_Variables.""',
    "NoPipeline": "An error occurred while creating the pipeline.",
    "ParameterArgumentValidationErrorNullNotAllowed": "Cannot bind argument to parameter '{0}' because it is null.",
    "ParameterArgumentValidationErrorEmptyStringNotAllowed": "Cannot bind argument to parameter '{0}' because it is "
    "an empty string.",
    "ParameterArgumentValidationErrorEmptyArrayNotAllowed": "Cannot bind argument to parameter '{0}' because it is "
    "an empty array.",
    "ValidateSetFailure": "Cannot validate argument on parameter '{0}'. The argument \"{1}\" does not belong to the "
    'set "{2}" specified by the ValidateSet attribute. Supply an argument that is in the set and then try the command '
    "again.",
    "ValidatePatternFailure": "Cannot validate argument on parameter '{0}'. The argument \"{1}\" does not match the "
    '"{2}" pattern. Supply an argument that matches "{2}" and try the command again.',
    "ScriptsNotAllowed": "The syntax is not supported by this runspace. This can occur if the runspace is in "
    "no-language mode.",
    "InputObjectNotBound": "The input object cannot be bound to any parameters for the command either because the "
    "command does not take pipeline input or the input and its properties do not match any of the parameters that "
    "take pipeline input.",
    "HostFunctionNotImplemented": "A command that prompts the user failed because the host program or the command "
    "type does not support user interaction. The host was attempting to request confirmation with the following "
    "message: {0}",
    "JsonUnquotedName": "Conversion from JSON failed with error: Unexpected end while parsing unquoted property name. "
    "Path '', line 1, position {0}.",
    "ScriptHalted": "ScriptHalted",
    "InvokeMethodOnNull": "You cannot call a method on a null-valued expression.",
    "ActionPreferenceStop": 'The running command stopped because the preference variable "{0}" or common parameter is '
    "set to Stop: {1}",
    "PipelineStopped": "The pipeline has been stopped.",
    "PathNotFound": "Cannot find path '{0}' because it does not exist.",
    "DriveNotFound": "Cannot find drive. A drive with the name '{0}' does not exist.",
    "ProviderNotFound": "Cannot find a provider with the name '{0}'.",
    "PropertyNotAtPath": "Property {0} does not exist at path {1}.",
    "PropertyAlreadyExists": "The property already exists.",
    "KeyAlreadyExists": "A key in this path already exists.",
    "KeyDoesNotExist": "The registry key at the specified path does not exist.",
    "ValueDoesNotExist": "The specified registry key does not exist.",
    "TypeParameterBindingFailure": "Could not bind parameter 'Type'. Could not convert \"{0}\" to "
    '"Microsoft.Win32.RegistryValueKind". The possible enumeration values are "{1}".',
    "ArgumentNull": 'Cannot process argument because the value of argument "{0}" is null. Change the value of '
    'argument "{0}" to a non-null value.',
    "UnknownFileType": 'The type is not a known type for the file system. Only "file","directory" or "symboliclink" '
    "can be specified.",
    "NotSupported": "Provider operation stopped because the provider does not support this operation.",
    "NoContentInterface": "Cannot use interface. The IContentCmdletProvider interface is not implemented by this "
    "provider.",
    "CannotRemoveItem": "Cannot remove item {0}: {1}",
    "DirectoryNotEmpty": "Directory {0} cannot be removed because it is not empty.",
    "FileAccessDenied": "Access to the path '{0}' is denied.",
    "FileExists": "The file '{0}' already exists.",
    "FileNotFound": "Could not find file '{0}'.",
    "MoveItemDoesNotExist": "Cannot move item because the item at '{0}' does not exist.",
    "FolderExists": "An item with the specified name {0} already exists.",
    "NoSuchFolder": "Could not find a part of the path '{0}'.",
    "ReadOnlyProperty": '"{0}" is a ReadOnly property.',
    "NullPath": "Value cannot be null. (Parameter 'The provided Path argument was null or an empty collection.')",
    "RegistryAccessDenied": "Requested registry access is not allowed.",
    "RenameTargetExists": "The item at the destination path already exists.",
    "NoServiceFoundForGivenName": "Cannot find any service with service name '{0}'.",
    "NoServiceFoundForGivenDisplayName": "Cannot find any service with display name '{0}'.",
    "ServiceTimeout": "The operation requested for service '{0}' has not been completed within the specified time "
    "interval.",
    "ServiceNotFound": "Service '{0}' was not found on computer '.'.",
    "ServiceHasDependentServices": "Cannot stop service '{1} ({0})' because it has dependent services. It can only be "
    "stopped if the Force flag is set.",
    "ServiceHasDependentServicesNoForce": "Cannot stop service '{1} ({0})' because it has dependent services.",
    "CouldNotStartService": "Service '{1} ({0})' cannot be started due to the following error: {2}",
    "CouldNotStopService": "Service '{1} ({0})' cannot be stopped due to the following error: {2}",
    "CouldNotSuspendService": "Service '{1} ({0})' cannot be suspended due to the following error: {2}",
    "CouldNotSuspendServiceNotSupported": "Service '{1} ({0})' cannot be suspended because the service does not "
    "support being suspended or resumed.",
    "CouldNotSuspendServiceNotRunning": "Service '{1} ({0})' cannot be suspended because it is not currently running.",
    "CouldNotResumeService": "Service '{1} ({0})' cannot be resumed due to the following error: {2}",
    "CouldNotResumeServiceNotSupported": "Service '{1} ({0})' cannot be resumed because the service does not support "
    "being suspended or resumed.",
    "CouldNotResumeServiceNotRunning": "Service '{1} ({0})' cannot be resumed because it is not currently running.",
    "CouldNotNewService": "Service '{1} ({0})' cannot be created due to the following error: {2}",
    "StartServiceFailed": "Failed to start service '{1} ({0})'.",
    "StopServiceFailed": "Service '{1} ({0})' stop failed.",
    "StartingService": "Waiting for service '{1} ({0})' to start...",
    "StoppingService": "Waiting for service '{1} ({0})' to stop...",
    "ModuleNotFound": "The specified module '{0}' was not loaded because no valid module file was found in any module "
    "directory.",
    "ModuleWithVersionNotFound": "The specified module '{0}' with version '{1}' was not loaded because no valid module "
    "file was found in any module directory.",
    "InsufficientPowerShellVersion": "The version of PowerShell on this computer is '{0}'. The module '{1}' requires a "
    "minimum PowerShell version of '{2}' to run. Verify that you have the minimum required version of PowerShell "
    "installed, and then try again.",
    "ModuleIsRequired": "Unable to remove the module '{0}' because it is required by '{1}'. Add the Force parameter to "
    "your command to remove the module.",
    "NoModulesRemoved": "No modules were removed. Verify that the specification of modules to remove is correct and "
    "those modules exist in the runspace.",
    "InvalidModuleManifestPath": "The module manifest path '{0}' is not valid. The value of the Path argument must "
    "resolve to a single file that has a '.psd1' extension. Change the value of the Path argument to point to a valid "
    "psd1 file, and then try again.",
    "InvalidModuleManifestVersion": "The ModuleVersion key in module manifest '{0}' specifies module version '{1}' "
    "which does not match its version folder name at '{2}'. Change the value of the ModuleVersion key to match the "
    "version folder name.",
    "InvalidModuleManifest": "The module manifest '{0}' could not be processed because it is not a valid PowerShell "
    "module manifest file. Remove the elements that are not permitted: {1}",
    "MoreThanOneFile": "The path cannot be processed because it resolved to more than one file; only one file at a "
    "time can be processed.",
    "VariableAlreadyExists": "A variable with name '{0}' already exists.",
    "InvalidState": "Operation is not valid due to the current state of the object.",
    "SecurityError": "Security error.",
    "WsmanSettingUnderPolicy": "The config setting {0} cannot be changed because is controlled by policies. The policy "
    'would need to be set to "Not Configured" in order to change the config setting.',
    "TrustedHostsQuery": "This command modifies the TrustedHosts list for the WinRM client. The computers in the "
    "TrustedHosts list might not be authenticated. The client might send credential information to these computers. "
    "Are you sure that you want to modify this list?",
    "ListAndScopeSpecified": "The Scope and List parameters cannot be specified at the same time.",
    "CantSetGroupPolicy": "Cannot set execution policy. Execution policies at the MachinePolicy or UserPolicy scopes "
    "must be set through Group Policy.",
    "ExecutionPolicyOverridden": "{1} updated your execution policy successfully, but the setting is overridden by a "
    "policy defined at a more specific scope.  Due to the override, your shell will retain its current effective "
    'execution policy of {0}. Type "Get-ExecutionPolicy -List" to view your execution policy settings. For more '
    'information please see "Get-Help Set-ExecutionPolicy".',
    "ExecutionPolicyOverriddenAction": "Contact your system administrator.",
    "VariableNotFound": "Cannot find a variable with the name '{0}'.",
    "PropertyNotFound": 'Property "{0}" cannot be found.',
    "MethodNotFound": 'Input name "{0}" cannot be resolved to a method.',
    "PropertyExists": 'The property cannot be processed because the property "{0}" already exists.',
    "OperatorNotSpecified": "An operator is required to compare the two specified values. Include a valid operator in "
    "the command, and then try the command again. For example, Get-Process | Where-Object -Property Name -eq Idle",
    "MaximumRedirectionCountExceeded": "The maximum redirection count has been exceeded. To increase the number of "
    "redirections allowed, supply a higher value to the -MaximumRedirection parameter.",
    "WebConnectFailure": "Unable to connect to the remote server",
    "WebNameNotResolved": "The remote name could not be resolved: '{0}'",
    "WebProxyNameNotResolved": "The proxy name could not be resolved: '{0}'",
    "WebSecureChannelFailure": "The request was aborted: Could not create SSL/TLS secure channel.",
    "WebServerError": "The remote server returned an error: {0}.",
    "WebTimeout": "The operation has timed out.",
    "WebTooManyRedirections": "Too many automatic redirections were attempted.",
    "NonNumericInputObject": 'Input object "{0}" is not numeric.',
}

_JAPANESE = {
    "CommandNotFoundException": "用語 '{0}' は、コマンドレット、関数、スクリプト ファイル、または実行可能プログラムの"
    "名前として認識されません。{newline}名前のスペルを確認するか、パスが含まれている場合はパスが正しいことを確認してから、"
    "もう一度お試しください。",
    "CouldNotAutoloadMatchingModule": "'{0}' コマンドはモジュール '{1}' で見つかりましたが、"
    "モジュールを読み込めませんでした。詳細については、'Import-Module {1}' を実行してください。",
    "NamedParameterNotFound": "パラメーター名 '{0}' と一致するパラメーターが見つかりません。",
    "PositionalParameterNotFound": "引数 '{0}' を受け取る位置指定パラメーターが見つかりません。",
    "MissingMandatoryParameter": "1 つ以上の必須パラメーターが不足しているため、コマンドを処理できません:{0}。",
    "CannotConvertArgument": "'{0}' をパラメーター '{2}' で必要な型 '{1}' に変換できません: {3}",
    "CannotConvertArgumentNoMessage": "パラメーター '{0}' をバインドできません。{1}",
    "ParameterArgumentValidationErrorNullNotAllowed": "パラメーター '{0}' は null 値であるため、"
    "引数をバインドできません。",
    "ParameterArgumentValidationErrorEmptyStringNotAllowed": "パラメーター '{0}' は空の文字列であるため、"
    "引数をバインドできません。",
    "ParameterArgumentValidationErrorEmptyArrayNotAllowed": "パラメーター '{0}' は空の配列であるため、"
    "引数をバインドできません。",
    "PathNotFound": "パス '{0}' は存在しないため、見つかりません。",
    "DriveNotFound": "ドライブが見つかりません。'{0}' という名前のドライブは存在しません。",
    "ProviderNotFound": "'{0}' という名前のプロバイダーが見つかりません。",
    "PropertyNotAtPath": "プロパティ {0} はパス {1} に存在しません。",
    "PropertyAlreadyExists": "プロパティは既に存在します。",
    "KeyAlreadyExists": "このパスには既にキーが存在します。",
    "KeyDoesNotExist": "指定されたパスのレジストリ キーが存在しません。",
    "CannotRemoveItem": "アイテム {0} を削除できません: {1}",
    "DirectoryNotEmpty": "ディレクトリ {0} は空ではないので、削除できません。",
    "NoServiceFoundForGivenName": "サービス名 '{0}' のサービスは見つかりません。",
    "NoServiceFoundForGivenDisplayName": "表示名 '{0}' のサービスは見つかりません。",
    "ServiceHasDependentServices": "サービス '{1} ({0})' には依存サービスがあるため、停止できません。Force フラグが"
    "設定されている場合にのみ停止できます。",
    "ServiceHasDependentServicesNoForce": "サービス '{1} ({0})' には依存サービスがあるため、停止できません。",
    "CouldNotStartService": "次のエラーのため、サービス '{1} ({0})' を開始できません: {2}",
    "CouldNotStopService": "次のエラーのため、サービス '{1} ({0})' を停止できません: {2}",
    "CouldNotNewService": "次のエラーのため、サービス '{1} ({0})' を作成できません: {2}",
    "StartServiceFailed": "サービス '{1} ({0})' を開始できませんでした。",
    "StopServiceFailed": "サービス '{1} ({0})' の停止に失敗しました。",
    "StartingService": "サービス '{1} ({0})' の開始を待機しています...",
    "StoppingService": "サービス '{1} ({0})' の停止を待機しています...",
    "MaximumRedirectionCountExceeded": "リダイレクトの最大数を超えました。許可されるリダイレクトの数を増やすには、"
    "-MaximumRedirection パラメーターにより大きい値を指定します。",
    "VariableNotFound": "'{0}' という名前の変数が見つかりません。",
    "MethodNotFound": '入力名 "{0}" はメソッドに解決できません。',
}


def say(culture: str, key: str, *arguments: str) -> str:
    """The text `key` with its arguments filled in, in the culture's language where it is known."""
    template = _JAPANESE.get(key, _ENGLISH[key]) if culture == "ja-JP" else _ENGLISH[key]
    return template.format(*arguments, newline="\r\n")
