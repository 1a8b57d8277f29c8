@{
    RootModule = 'SampleModule.psm1'
    ModuleVersion = '1.0.0'
}
